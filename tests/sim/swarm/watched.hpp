// What the agent is given instead of the simulator itself: the same reactor and system, with every
// call into them marked as outside of the agent, and with an eye on what it submits.
#pragma once

#include <functional>

#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "tests/sim/swarm/heap.hpp"

namespace runnel::swarm {

class WatchedReactor final : public io::Reactor {
 public:
  explicit WatchedReactor(sim::SimMachine& machine) : reactor_(machine) {}
  sim::SimReactor& simulated() { return reactor_; }
  // Told of every operation when it is submitted.
  std::function<void(const io::Operation&)> on_submit;

  Instant now() const override { return reactor_.now(); }
  void submit(io::Operation& operation) override {
    const Outside outside;
    if (on_submit) on_submit(operation);
    reactor_.submit(operation);
  }
  void cancel(io::Operation& operation) override {
    const Outside outside;
    reactor_.cancel(operation);
  }
  void poll(Instant until, io::CompletedList& completed) override {
    const Outside outside;
    reactor_.poll(until, completed);
  }
  void attach(io::BufferPool& pool) override {
    const Outside outside;
    reactor_.attach(pool);
  }
  void detach(io::BufferPool& pool) override {
    const Outside outside;
    reactor_.detach(pool);
  }
  void recycle(io::BufferPool& pool, io::Buffer& buffer) override {
    const Outside outside;
    reactor_.recycle(pool, buffer);
  }
  void discard(io::Handle handle) override {
    const Outside outside;
    reactor_.discard(handle);
  }
  std::string_view description() const override { return reactor_.description(); }

 private:
  sim::SimReactor reactor_;
};

class WatchedSystem final : public io::System {
 public:
  explicit WatchedSystem(sim::SimMachine& machine) : system_(machine) {}

  const io::Facts& facts() const override { return system_.facts(); }
  WallTime wall_clock() const override { return system_.wall_clock(); }
  std::int32_t utc_offset_seconds(WallTime at) const override {
    return system_.utc_offset_seconds(at);
  }
  void entropy(MutableBytes into) override { system_.entropy(into); }
  std::uint32_t process_id() const override { return system_.process_id(); }
  std::optional<std::string> environment(const char* name) const override {
    return system_.environment(name);
  }
  io::MemoryUse memory_use() override { return system_.memory_use(); }
  Result<MutableBytes> map(std::size_t bytes) override {
    const Outside outside;
    return system_.map(bytes);
  }
  void trim_heap() override {}
  Result<io::Handle> listen(io::Transport transport, const io::Address& address,
                            const io::ListenOptions& options) override {
    const Outside outside;
    return system_.listen(transport, address, options);
  }
  Result<io::Handle> socket(io::Transport transport, io::Family family) override {
    const Outside outside;
    return system_.socket(transport, family);
  }
  Result<io::Address> local_address(io::Handle handle) override {
    return system_.local_address(handle);
  }
  Result<io::StreamState> stream_state(io::Handle handle) override {
    return system_.stream_state(handle);
  }
  Result<std::uint64_t> datagrams_dropped(io::Handle handle) override {
    return system_.datagrams_dropped(handle);
  }
  // `each` is the agent's.
  Status list(const char* folder, FunctionRef<bool(const io::FolderEntry&)> each) override {
    return system_.list(folder, each);
  }
  Status make_folders(const char* folder, io::Access access = io::Access::group) override {
    const Outside outside;
    return system_.make_folders(folder, access);
  }
  Status remove_file(const char* path) override {
    const Outside outside;
    return system_.remove_file(path);
  }
  Result<io::FileInfo> file_info(const char* path) override { return system_.file_info(path); }
  Result<std::string> read_file(const char* path, std::size_t bytes_max) override {
    return system_.read_file(path, bytes_max);
  }
  Result<io::Handle> lock_file(const char* path, std::uint32_t& holder) override {
    const Outside outside;
    return system_.lock_file(path, holder);
  }
  io::Handle standard_output() override {
    const Outside outside;
    return system_.standard_output();
  }
  io::Handle signal_handle() override {
    const Outside outside;
    return system_.signal_handle();
  }
  std::optional<io::Signal> take_signal() override { return system_.take_signal(); }
  Result<io::Handle> open_watcher() override {
    const Outside outside;
    return system_.open_watcher();
  }
  Result<std::uint32_t> watch(io::Handle watcher, const char* folder) override {
    const Outside outside;
    return system_.watch(watcher, folder);
  }
  void unwatch(io::Handle watcher, std::uint32_t watch) override {
    const Outside outside;
    system_.unwatch(watcher, watch);
  }
  // `each` is the agent's, and what was taken is freed here: the queue is the simulator's.
  void take_changes(io::Handle watcher, FunctionRef<void(const io::Change&)> each) override {
    const Outside outside;
    system_.take_changes(watcher, [&each](const io::Change& change) {
      const Inside inside;
      each(change);
    });
  }

 private:
  sim::SimSystem system_;
};

}  // namespace runnel::swarm
