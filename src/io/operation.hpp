// One request to the outside world, with its result. The caller owns it (it lies in a coroutine
// frame); the reactor borrows it, and every buffer, path and address it points at, from `submit`
// until `poll` hands it back completed. It never moves in between.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/list.hpp"
#include "io/address.hpp"
#include "io/buffer_pool.hpp"

namespace runnel::io {

enum class Handle : std::int32_t { none = -1 };  // opaque: a descriptor or a simulated object

enum class Verb : std::uint8_t {
  // Sockets. `result` is the byte count unless it says otherwise.
  accept,   // listening handle -> result: the new handle; `peer` filled when given
  connect,  // handle, peer; `path` when that is `local`: `refused` also while its backlog is full
  recv,     // stream: result 0 = the peer closed
  send,     // stream: may be partial. Of `local` datagrams no more than the receiver has room for:
            // one that has to wait goes out empty from io_uring (seen on 6.18)
  recv_from,  // datagram: `peer` filled when given; `truncated` when it did not fit
  send_to,    // datagram: peer, which is not `local`
  ready,      // until the handle is readable (foreign handles: signals, watchers)
  // Files. Regular files are read and written at `offset`; may be partial.
  open,      // path, mode -> result: the new handle
  read,      // result 0 = end of file
  write,     // result < size only when the device is nearly full; pipes: when they are
  sync,      // data and size durable (fdatasync); on a folder: its entries
  truncate,  // size becomes `offset`
  allocate,  // [offset, offset + length) gets blocks, size grows; `length` is in `size`
  stat,      // `path`, or `handle` when path is null -> info
  rename,    // path -> path_to; replaces. `exists` with OpenMode::exclusive
  unlink,    // path
  close,     // handle; no other operation on it may be in flight
  // Streams of buffers: yield often, complete once (StreamOperation only).
  recv_stream,       // ends with `closed` at end of stream
  recv_from_stream,  // datagrams
};

// As the offset of a write: wherever the handle stands. For standard output, which may be a pipe, a
// terminal or a file that others write to as well.
inline constexpr std::uint64_t current_position = UINT64_MAX;

enum class OpenMode : std::uint8_t {
  read,       // existing, read only
  write,      // existing, for writing
  create,     // for reading and writing, made when missing (0640)
  secret,     // the same, made for nobody but the owner (0600)
  exclusive,  // made; `exists` when it is there already
  folder,     // a folder, to sync it
};

struct FileInfo {
  enum class Kind : std::uint8_t { regular, folder, other };
  Kind kind = Kind::other;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  // wall clock
};

// What is asked for. Which fields count is said at each verb.
struct Request {
  Verb verb = Verb::ready;
  OpenMode mode = OpenMode::read;
  Handle handle = Handle::none;
  std::uint32_t size = 0;  // of `data`; at most 1 GiB
  std::byte* data = nullptr;
  std::uint64_t offset = 0;
  Address* peer = nullptr;
  const char* path = nullptr;  // zero-terminated
  const char* path_to = nullptr;
  FileInfo* info = nullptr;
};

struct OperationTag;
struct Operation;

// Keeps an operation in a list of the driver's own, whatever list its owner has it in.
struct DriverLink : Link<struct DriverTag> {
  Operation* operation = nullptr;
};
using DriverList = List<DriverLink, DriverTag>;

struct Operation : Link<OperationTag>, Request {
  enum class State : std::uint8_t { idle, submitted, completed };

  Operation() = default;
  explicit Operation(const Request& request) : Request(request) {}

  State state = State::idle;
  Error error = Error::none;  // the outcome: valid once completed
  bool truncated = false;     // outcome of recv_from
  std::int32_t result = 0;    // outcome: bytes, or a new Handle

  // For the driver, while submitted.
  std::uint32_t driver_flags = 0;
  void* driver_data = nullptr;
  DriverLink driver_link;
};

// A receive that goes on until it is cancelled, fails or ends. Each time the reactor has filled
// buffers it appends them to `filled` and hands the operation over with state `submitted`; the last
// time, with or without buffers, with state `completed`. Running out of buffers does not end it:
// the reactor arms it again when `recycle` has returned one.
struct StreamOperation : Operation {
  BufferPool* pool = nullptr;
  List<Buffer, BufferTag>* filled = nullptr;
};

inline bool is_stream(Verb verb) {
  return verb == Verb::recv_stream || verb == Verb::recv_from_stream;
}

}  // namespace runnel::io
