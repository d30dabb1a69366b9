// The simulator's System: start-up and rare calls of the process on one SimMachine. They take no
// virtual time. `map` gives ordinary zero memory that lives as long as the machine.
#pragma once

#include "io/system.hpp"
#include "platform/sim/machine.hpp"

namespace runnel::sim {

class SimSystem final : public io::System {
 public:
  explicit SimSystem(SimMachine& machine) : machine_(machine) {}
  explicit SimSystem(SimWorld& world) : SimSystem(world.machine()) {}

  const io::Facts& facts() const override { return machine_.facts(); }
  WallTime wall_clock() const override { return machine_.world().wall_now(); }
  std::int32_t utc_offset_seconds(WallTime) const override { return machine_.utc_offset_seconds; }
  void entropy(MutableBytes into) override { machine_.world().entropy_random().fill(into); }
  std::uint32_t process_id() const override { return machine_.process_id; }
  std::optional<std::string> environment(const char* name) const override;
  io::MemoryUse memory_use() override;
  Result<MutableBytes> map(std::size_t bytes) override { return machine_.map(bytes); }
  void trim_heap() override {}

  Result<io::Handle> listen(io::Transport transport, const io::Address& address,
                            const io::ListenOptions& options) override;
  Result<io::Handle> socket(io::Transport transport, io::Family family) override;
  Result<io::Address> local_address(io::Handle handle) override;
  Result<io::StreamState> stream_state(io::Handle handle) override;
  Result<std::uint64_t> datagrams_dropped(io::Handle handle) override;

  Status list(const char* folder, FunctionRef<bool(const io::FolderEntry&)> each) override;
  Status make_folders(const char* folder, io::Access = io::Access::group) override {
    return machine_.files().make_folders(folder);
  }
  Status remove_file(const char* path) override { return machine_.files().unlink(path); }
  Result<io::FileInfo> file_info(const char* path) override { return machine_.files().info(path); }
  Result<std::string> read_file(const char* path, std::size_t bytes_max) override;
  Result<io::Handle> lock_file(const char* path, std::uint32_t& holder) override;

  // The file /dev/stdout of the machine.
  io::Handle standard_output() override;

  io::Handle signal_handle() override { return machine_.signal_handle(); }
  std::optional<io::Signal> take_signal() override { return machine_.take_signal(); }
  Result<io::Handle> open_watcher() override { return machine_.open_watcher(); }
  Result<std::uint32_t> watch(io::Handle watcher, const char* folder) override {
    return machine_.watch(watcher, folder);
  }
  void unwatch(io::Handle watcher, std::uint32_t watch) override {
    machine_.unwatch(watcher, watch);
  }
  void take_changes(io::Handle watcher, FunctionRef<void(const io::Change&)> each) override {
    machine_.take_changes(watcher, each);
  }

 private:
  Result<io::Handle> socket_handle(SocketId id);

  SimMachine& machine_;
  io::Handle standard_output_ = io::Handle::none;
};

}  // namespace runnel::sim
