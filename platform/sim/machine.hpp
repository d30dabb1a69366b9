// One simulated machine and the one process on it: files, addresses, the table of handles,
// watchers, signals. A handle is a small number, the lowest free one, as descriptors are: one that
// is closed comes back soon. The machine outlives its process: `kill` and `power_loss` end the
// process, whatever was in flight is decided by the seed, and a new SimReactor begins the next one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/system.hpp"
#include "platform/sim/files.hpp"
#include "platform/sim/network.hpp"

namespace runnel::sim {

class SimMachine {
 public:
  enum class Kind : std::uint8_t { free, file, socket, watcher, signal };
  struct Entry {
    Kind kind = Kind::free;
    bool writable = false;
    bool locked = false;          // holds the file's lock
    std::uint32_t in_flight = 0;  // operations that have not been handed back
    Inode inode = no_inode;
    SocketId socket;
    std::uint32_t watcher = 0;
  };

  SimMachine(SimWorld& world, std::uint32_t index, const std::string& host_name);
  ~SimMachine();
  SimMachine(const SimMachine&) = delete;
  SimMachine& operator=(const SimMachine&) = delete;

  SimWorld& world() const { return world_; }
  std::uint32_t index() const { return index_; }
  SimFiles& files() { return files_; }
  // 10.0.0.(index + 1), or fd00::(index + 1).
  io::Address address(io::Family family = io::Family::ipv4) const;

  // --- what tests set ----------------------------------------------------------------------------
  io::Facts& facts() { return facts_; }
  std::map<std::string, std::string>& environment() { return environment_; }
  std::int32_t utc_offset_seconds = 0;
  bool watching_works = true;  // false: as on NFS
  std::uint32_t process_id = 1000;
  void raise(io::Signal signal);

  // --- ends of the process ----------------------------------------------------------------------

  // As SIGKILL: handles close, connections are reset or finished, locks go, files stay as they are.
  // Each write, rename, unlink or truncate in flight has happened or not. The operations are idle
  // afterwards: their owners may be destroyed.
  void kill();
  // `kill`, connections end without a word, and the files become what was durable.
  void power_loss();

  // --- handles ----------------------------------------------------------------------------------

  // Null for a handle that is not open.
  Entry* entry(io::Handle handle);
  Result<io::Handle> add(const Entry& entry);  // too_many_handles
  void remove(io::Handle handle);              // nothing may be in flight on it
  std::uint32_t open_handles() const { return open_handles_; }

  // --- signals and watchers ----------------------------------------------------------------------
  io::Handle signal_handle();
  std::optional<io::Signal> take_signal();
  Result<io::Handle> open_watcher();
  Result<std::uint32_t> watch(io::Handle watcher, std::string_view folder);
  void unwatch(io::Handle watcher, std::uint32_t watch);
  void take_changes(io::Handle watcher, FunctionRef<void(const io::Change&)> each);
  void folder_changed(Inode folder, std::string_view name, bool appeared, bool gone, bool modified);
  // Where operations wait for a watcher or signals; `is_ready` when there is something to take.
  WaitQueue& waiters(const Entry& entry);
  bool is_ready(const Entry& entry) const;

  void join(SimReactor& reactor) { reactors_.push_back(&reactor); }
  void leave(SimReactor& reactor);
  // Memory of the process, zero, page aligned.
  Result<MutableBytes> map(std::size_t bytes);
  std::size_t mapped_bytes() const { return mapped_bytes_; }

 private:
  struct Watch {
    std::uint32_t id = 0;
    Inode folder = no_inode;
  };
  struct SeenChange {
    std::uint32_t watch = 0;
    std::string name;
    bool appeared = false, gone = false, modified = false, lost = false;
    friend bool operator==(const SeenChange&, const SeenChange&) = default;
  };
  struct Watcher {
    bool used = false;
    std::uint32_t next_id = 1;
    std::vector<Watch> watches;
    std::deque<SeenChange> changes;
    WaitQueue waiters;
  };
  io::Handle place(const Entry& entry);
  void end_process(bool silently);
  void forget_watcher(std::uint32_t index);

  SimWorld& world_;
  std::uint32_t index_;
  SimFiles files_;
  io::Facts facts_;
  std::map<std::string, std::string> environment_;
  std::vector<Entry> entries_;  // index 0 is handle `first_handle`
  std::uint32_t open_handles_ = 0;
  std::deque<Watcher> watchers_;
  std::uint32_t watchers_in_use_ = 0;
  std::deque<io::Signal> signals_;
  io::Handle signal_handle_ = io::Handle::none;
  WaitQueue signal_waiters_;
  std::vector<SimReactor*> reactors_;
  std::vector<void*> mappings_;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace runnel::sim
