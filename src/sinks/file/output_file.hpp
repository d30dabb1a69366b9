// One file that the file sink writes: what is known of it while it is open under its unfinished
// name. It is a row of a table that is carved at start; nothing in it is owned but the handle.
//
// Invariant: bytes [0, size) are whole frames, [0, durable) survive a power loss.
#pragma once

#include "async/operations.hpp"
#include "async/task.hpp"
#include "sinks/file/path_template.hpp"

namespace runnel::sinks {

struct OutputFile {
  io::Handle handle = io::Handle::none;
  PathText path;        // what the template gave; the finished name has a number if it is taken
  PathText unfinished;  // where it is now
  std::uint64_t identity = 0;  // of the header values in the path
  std::uint64_t device = 0, inode = 0;

  std::uint64_t size = 0;
  std::uint64_t durable = 0;
  std::uint64_t events = 0;
  Instant opened = never;
  Instant written = never;     // when the last frame was
  bool entry_durable = false;  // its name is, too
  bool torn = false;           // bytes behind `size` could not be cut off yet
  bool full = false;           // a limit is reached: to be closed
  bool failed = false;         // a sync failed: what is not `durable` counts as lost

  bool is_open() const { return handle != io::Handle::none; }
  bool dirty() const { return size > durable || (size > 0 && !entry_durable); }
};

// Appends one frame, in as many writes as it takes. After a failure nothing of it remains, or
// `torn` is set and the next attempt writes over it.
async::Task<Status> append(OutputFile& file, Bytes frame);

// The entries of every folder from the one that `path` lies in up to `top` become durable. A file
// system that cannot do that for folders is not a failure. `failed`: a sync itself did, so that
// trying again proves nothing.
async::Task<Status> sync_folders(std::string_view path, std::string_view top, bool& failed);

// Renames `from` to `wanted`, or to `wanted` with the first number behind `number` that is free;
// `number` is then the one it got. Never replaces anything. `exists` when there is none left.
async::Task<Status> rename_numbered(const char* from, std::string_view wanted,
                                    std::uint32_t& number);

}  // namespace runnel::sinks
