// io::System of this kernel: what is done at start or rarely. Every handle it makes is non-blocking
// and closed on exec. SIGPIPE is ignored from the constructor on; SIGTERM, SIGINT and SIGHUP are
// blocked, and arrive as data, from the first `signal_handle` on.
#pragma once

#include "io/system.hpp"

namespace runnel::linux_os {

class LinuxSystem final : public io::System {
 public:
  LinuxSystem();
  ~LinuxSystem() override;
  LinuxSystem(const LinuxSystem&) = delete;
  LinuxSystem& operator=(const LinuxSystem&) = delete;

  // system.cpp
  const io::Facts& facts() const override { return facts_; }
  WallTime wall_clock() const override;
  std::int32_t utc_offset_seconds(WallTime at) const override;
  void entropy(MutableBytes into) override;
  std::uint32_t process_id() const override;
  std::optional<std::string> environment(const char* name) const override;

  // memory.cpp
  io::MemoryUse memory_use() override;
  Result<MutableBytes> map(std::size_t bytes) override;
  void trim_heap() override;

  // sockets.cpp
  Result<io::Handle> listen(io::Transport transport, const io::Address& address,
                            const io::ListenOptions& options) override;
  Result<io::Handle> socket(io::Transport transport, io::Family family) override;
  Result<io::Address> local_address(io::Handle handle) override;
  Result<io::StreamState> stream_state(io::Handle handle) override;
  Result<std::uint64_t> datagrams_dropped(io::Handle handle) override;

  // folders.cpp
  Status list(const char* folder, FunctionRef<bool(const io::FolderEntry&)> each) override;
  Status make_folders(const char* folder, io::Access access = io::Access::group) override;
  Status remove_file(const char* path) override;
  Result<io::FileInfo> file_info(const char* path) override;
  Result<std::string> read_file(const char* path, std::size_t bytes_max) override;
  // Whether every user of the machine may read this file.
  bool is_open_to_all(const char* path) const;
  Result<io::Handle> lock_file(const char* path, std::uint32_t& holder) override;

  io::Handle standard_output() override { return static_cast<io::Handle>(1); }

  // notices.cpp
  io::Handle signal_handle() override;
  std::optional<io::Signal> take_signal() override;
  Result<io::Handle> open_watcher() override;
  Result<std::uint32_t> watch(io::Handle watcher, const char* folder) override;
  void unwatch(io::Handle watcher, std::uint32_t watch) override;
  void take_changes(io::Handle watcher, FunctionRef<void(const io::Change&)> each) override;

 private:
  io::Facts facts_;
  int signals_ = -1;
};

}  // namespace runnel::linux_os
