// A file for a program that does one thing at a time: every call waits until it is done. Over the
// reactor, as the agent's own I/O, so that it runs in the simulator too. Closes itself.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/reactor.hpp"

namespace runnel::agent::journal_tool {

class File {
 public:
  static Result<File> open(io::Reactor& reactor, const char* path, io::OpenMode mode);
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  ~File();

  Result<std::uint64_t> size();
  // As much as there is: less than asked for only at the end.
  Result<std::size_t> read(std::uint64_t offset, MutableBytes into);
  Status write(std::uint64_t offset, Bytes bytes);  // all of it
  // The file becomes this large, with blocks of the device where the file system can do that.
  Status allocate(std::uint64_t bytes);
  Status sync();
  io::Reactor& reactor() const { return reactor_; }

 private:
  File(io::Reactor& reactor, io::Handle handle) : reactor_(reactor), handle_(handle) {}

  io::Reactor& reactor_;
  io::Handle handle_;
};

Status unlink(io::Reactor& reactor, const char* path);
Status rename(io::Reactor& reactor, const char* from, const char* to);
// Makes the name of a new file durable.
Status sync_folder_of(io::Reactor& reactor, std::string_view path);

}  // namespace runnel::agent::journal_tool
