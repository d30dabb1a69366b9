// Start-up and rare calls: what is not worth an Operation. They may block for as long as the
// kernel takes; every use after start is listed in docs/ARCHITECTURE.md with its worst stall.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/function_ref.hpp"
#include "base/time.hpp"
#include "io/operation.hpp"

namespace runnel::io {

// Of Unix sockets: streams and datagrams.
enum class Transport : std::uint8_t { tcp, udp };

struct ListenOptions {
  std::uint32_t receive_buffer_bytes = 0;  // SO_RCVBUF; 0: the kernel's default
  std::uint32_t backlog = 128;             // tcp
  // Family::local: where, absolute, zero-terminated, at most local_path_bytes_max; and who may
  // connect, whatever the umask says.
  const char* path = nullptr;
  std::uint16_t mode = 0660;
};

struct StreamState {
  // Family::local: zero or not is all it says, and it is zero once the peer's program has read all.
  std::uint64_t unacknowledged_bytes = 0;
  bool peer_finished = false;
};

struct FolderEntry {
  std::string_view name;  // never "." or ".."; valid during the call
  std::uint64_t inode;
  enum class Kind : std::uint8_t { regular, folder, link, other, unknown } kind;
};

// Of new folders: who may look into them.
enum class Access : std::uint8_t { group, owner };

enum class Signal : std::uint8_t { stop, reload };  // SIGTERM and SIGINT; SIGHUP

// A change below a watched folder. `name` is empty when the folder itself went away; `lost` means
// that changes were dropped and everything has to be looked at again.
struct Change {
  std::uint32_t watch = 0;
  std::string_view name;
  bool appeared = false;  // created or moved in
  bool gone = false;      // deleted or moved out
  bool modified = false;  // written or truncated
  bool lost = false;
};

struct MemoryUse {
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_bytes = 0;     // VmHWM
  std::uint64_t heap_bytes = 0;     // what malloc holds from the kernel
  std::uint64_t program_bytes = 0;  // text, data and bss of the binary and its libraries
};

struct Facts {  // probed before the first carve
  std::uint32_t page_bytes = 4096;
  std::uint32_t processors = 1;
  std::uint32_t handles_max = 1024;        // RLIMIT_NOFILE after raising it to the hard limit
  std::string kernel;                      // "6.1.0-18-arm64"
  std::array<std::byte, 16> boot_id = {};  // another at every boot of the machine; zero: unknown
  std::string host_name;
};

class System {
 public:
  virtual ~System() = default;

  virtual const Facts& facts() const = 0;
  virtual WallTime wall_clock() const = 0;
  // Seconds east of UTC that local time is at `at`.
  virtual std::int32_t utc_offset_seconds(WallTime at) const = 0;
  virtual void entropy(MutableBytes into) = 0;
  virtual std::uint32_t process_id() const = 0;
  virtual std::optional<std::string> environment(const char* name) const = 0;  // start-up only
  virtual MemoryUse memory_use() = 0;

  // Fresh zero pages, page aligned, not resident until touched. Never given back before the end.
  virtual Result<MutableBytes> map(std::size_t bytes) = 0;
  // Gives start-up's freed heap back to the kernel.
  virtual void trim_heap() = 0;

  // --- sockets -------------------------------------------------------------------------------
  // Bound and (tcp) listening. `in_use`, `access`, `not_available`. Family::local: a socket that a
  // process has left at the path when it died is replaced; `in_use` when somebody still has it,
  // `exists` when something else is there, `not_found` without its folder.
  virtual Result<Handle> listen(Transport transport, const Address& address,
                                const ListenOptions& options) = 0;
  // Unbound, for connect or send_to.
  virtual Result<Handle> socket(Transport transport, Family family) = 0;
  virtual Result<Address> local_address(Handle handle) = 0;
  // Of a connected stream: what of the sent bytes the peer's kernel has not acknowledged, and
  // whether it has said that it sends no more. Its error once it is broken.
  virtual Result<StreamState> stream_state(Handle handle) = 0;
  // What the kernel has dropped on this datagram socket since it was made.
  virtual Result<std::uint64_t> datagrams_dropped(Handle handle) = 0;

  // --- files ---------------------------------------------------------------------------------
  // Calls `each` per entry until it returns false. Does not allocate.
  virtual Status list(const char* folder, FunctionRef<bool(const FolderEntry&)> each) = 0;
  // Makes the folder and its parents (0750; 0700 when they are for the owner only); no error when
  // it exists, whatever its mode.
  virtual Status make_folders(const char* folder, Access access = Access::group) = 0;
  // The name of a file that is not a folder. At a stop only.
  virtual Status remove_file(const char* path) = 0;
  // Follows links. For start-up and rare checks; while data flows use Verb::stat.
  virtual Result<FileInfo> file_info(const char* path) = 0;
  // Start-up only. `too_large` past `bytes_max`.
  virtual Result<std::string> read_file(const char* path, std::size_t bytes_max) = 0;
  // Takes an exclusive lock that the kernel drops when the process ends, and writes the process id
  // into the file. `in_use`: `holder` gets the other's process id (0 when it is not known).
  virtual Result<Handle> lock_file(const char* path, std::uint32_t& holder) = 0;

  // Never closed. Write to it at `current_position`.
  virtual Handle standard_output() = 0;

  // --- signals and watches: wait with Verb::ready, then take ----------------------------------
  virtual Handle signal_handle() = 0;
  virtual std::optional<Signal> take_signal() = 0;
  // `unsupported` or `too_many_handles`: then the caller polls, and says so.
  virtual Result<Handle> open_watcher() = 0;
  virtual Result<std::uint32_t> watch(Handle watcher, const char* folder) = 0;
  virtual void unwatch(Handle watcher, std::uint32_t watch) = 0;
  // Everything that has come, without waiting. Does not allocate.
  virtual void take_changes(Handle watcher, FunctionRef<void(const Change&)> each) = 0;
};

}  // namespace runnel::io
