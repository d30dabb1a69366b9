#include "platform/sim/machine.hpp"

#include <algorithm>
#include <cstdlib>

#include "platform/sim/reactor.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {
namespace {

constexpr std::int32_t first_handle = 3;
constexpr std::size_t page_bytes = 4096;

std::size_t index_of(io::Handle handle) {
  return static_cast<std::size_t>(static_cast<std::int32_t>(handle) - first_handle);
}

void wake(WaitQueue& queue) {
  WaitQueue waiting;
  waiting.swap(queue);
  for (const Waiter& each : waiting) each.reactor->finish(each.slot, Error::none);
}

}  // namespace

SimMachine::SimMachine(SimWorld& world, std::uint32_t index, const std::string& host_name)
    : world_(world), index_(index), files_(*this) {
  facts_.handles_max = world.options().handles_max;
  facts_.kernel = "simulated";
  facts_.host_name = host_name;
  facts_.boot_id[0] = std::byte{1};
}

SimMachine::~SimMachine() {
  for (void* mapping : mappings_) std::free(mapping);
}

io::Address SimMachine::address(io::Family family) const {
  const auto last = static_cast<std::uint8_t>(index_ + 1);
  io::Address address;
  address.family = family;
  if (family == io::Family::ipv6) {
    address.ip[0] = 0xFD;
    address.ip[15] = last;
  } else {
    address.ip = {10, 0, 0, last};
  }
  return address;
}

// --- the process ends ----------------------------------------------------------------------------

void SimMachine::kill() { end_process(false); }

void SimMachine::power_loss() {
  end_process(true);
  store(facts_.boot_id.data(), load<std::uint64_t>(facts_.boot_id.data()) + 1);
  files_.crash(world_.fault_random());
}

void SimMachine::end_process(bool silently) {
  world_.count_fault();
  for (SimReactor* reactor : reactors_) reactor->abandon();
  for (Entry& each : entries_) {
    if (each.kind == Kind::free) continue;
    RUNNEL_ASSERT(each.in_flight == 0);
    if (each.kind == Kind::socket) world_.network().close(each.socket, silently);
    if (each.kind == Kind::file) {
      if (each.locked) files_.lock_holder(each.inode) = 0;
      files_.close(each.inode);
    }
    each = Entry();
  }
  entries_.clear();
  open_handles_ = 0;
  watchers_.clear();
  watchers_in_use_ = 0;
  signals_.clear();
  signal_handle_ = io::Handle::none;
  signal_waiters_.clear();
  ++process_id;
}

void SimMachine::leave(SimReactor& reactor) { std::erase(reactors_, &reactor); }

Result<MutableBytes> SimMachine::map(std::size_t bytes) {
  // The C library hands out large zero blocks without touching them, as the kernel does.
  void* block = std::calloc(1, bytes + page_bytes);
  if (block == nullptr) return fail(Error::no_memory);
  mappings_.push_back(block);
  mapped_bytes_ += bytes;
  const auto at = align_up(reinterpret_cast<std::uintptr_t>(block), page_bytes);
  return MutableBytes{reinterpret_cast<std::byte*>(at), bytes};
}

// --- handles -------------------------------------------------------------------------------------

SimMachine::Entry* SimMachine::entry(io::Handle handle) {
  const auto index = index_of(handle);
  if (index >= entries_.size() || entries_[index].kind == Kind::free) return nullptr;
  return &entries_[index];
}

Result<io::Handle> SimMachine::add(const Entry& entry) {
  if (open_handles_ >= facts_.handles_max) return fail(Error::too_many_handles);
  if (world_.fault(world_.options().handle_errors)) return fail(Error::too_many_handles);
  return place(entry);
}

io::Handle SimMachine::place(const Entry& entry) {
  std::size_t index = 0;
  if (open_handles_ == entries_.size())
    index = entries_.size();
  else
    while (entries_[index].kind != Kind::free) ++index;
  if (index == entries_.size()) entries_.emplace_back();
  entries_[index] = entry;
  ++open_handles_;
  return static_cast<io::Handle>(static_cast<std::int32_t>(index) + first_handle);
}

void SimMachine::remove(io::Handle handle) {
  Entry* closing = entry(handle);
  RUNNEL_ASSERT(closing != nullptr && "a handle that is not open is closed");
  RUNNEL_ASSERT(closing->in_flight == 0 && "a handle is closed while an operation is in flight");
  const Entry gone = *closing;
  *closing = Entry();
  --open_handles_;
  switch (gone.kind) {
    case Kind::free:
      break;
    case Kind::file:
      if (gone.locked) files_.lock_holder(gone.inode) = 0;
      files_.close(gone.inode);
      break;
    case Kind::socket:
      world_.network().close(gone.socket);
      break;
    case Kind::watcher:
      forget_watcher(gone.watcher);
      break;
    case Kind::signal:
      signal_handle_ = io::Handle::none;
      break;
  }
}

// --- signals -------------------------------------------------------------------------------------

void SimMachine::raise(io::Signal signal) {
  constexpr std::size_t pending_max = 64;  // further ones merge, as real ones do
  if (signals_.size() < pending_max) signals_.push_back(signal);
  wake(signal_waiters_);
}

io::Handle SimMachine::signal_handle() {
  if (signal_handle_ != io::Handle::none) return signal_handle_;
  Entry entry;
  entry.kind = Kind::signal;
  // A process has it from its first moment: no fault of a running system concerns it.
  signal_handle_ = place(entry);
  return signal_handle_;
}

std::optional<io::Signal> SimMachine::take_signal() {
  if (signals_.empty()) return std::nullopt;
  const io::Signal signal = signals_.front();
  signals_.pop_front();
  return signal;
}

WaitQueue& SimMachine::waiters(const Entry& entry) {
  return entry.kind == Kind::signal ? signal_waiters_ : watchers_[entry.watcher].waiters;
}

bool SimMachine::is_ready(const Entry& entry) const {
  if (entry.kind == Kind::signal) return !signals_.empty();
  if (entry.kind == Kind::watcher) return !watchers_[entry.watcher].changes.empty();
  return true;  // regular files always are
}

// --- watchers ------------------------------------------------------------------------------------

Result<io::Handle> SimMachine::open_watcher() {
  if (!watching_works) return fail(Error::unsupported);
  std::uint32_t index = 0;
  while (index < watchers_.size() && watchers_[index].used) ++index;
  Entry entry;
  entry.kind = Kind::watcher;
  entry.watcher = index;
  const auto handle = add(entry);
  if (!handle) return handle;
  if (index == watchers_.size()) watchers_.emplace_back();
  watchers_[index].used = true;
  ++watchers_in_use_;
  return handle;
}

void SimMachine::forget_watcher(std::uint32_t index) {
  RUNNEL_ASSERT(watchers_[index].waiters.empty());
  watchers_[index] = Watcher();
  --watchers_in_use_;
}

Result<std::uint32_t> SimMachine::watch(io::Handle handle, std::string_view folder) {
  const Entry* found = entry(handle);
  RUNNEL_ASSERT(found != nullptr && found->kind == Kind::watcher);
  const auto inode = files_.find(folder);
  if (!inode) return fail(inode.error());
  if (files_.info(*inode).kind != io::FileInfo::Kind::folder) return fail(Error::not_folder);
  Watcher& watcher = watchers_[found->watcher];
  for (const Watch& each : watcher.watches)
    if (each.folder == *inode) return each.id;
  watcher.watches.push_back({watcher.next_id++, *inode});
  return watcher.watches.back().id;
}

void SimMachine::unwatch(io::Handle handle, std::uint32_t watch) {
  const Entry* found = entry(handle);
  RUNNEL_ASSERT(found != nullptr && found->kind == Kind::watcher);
  std::erase_if(watchers_[found->watcher].watches,
                [watch](const Watch& each) { return each.id == watch; });
}

void SimMachine::folder_changed(Inode folder, std::string_view name, bool appeared, bool gone,
                                bool modified) {
  if (watchers_in_use_ == 0) return;
  for (Watcher& watcher : watchers_) {
    const auto found = std::find_if(watcher.watches.begin(), watcher.watches.end(),
                                    [folder](const Watch& each) { return each.folder == folder; });
    if (found == watcher.watches.end()) continue;
    SeenChange change{found->id, std::string(name), appeared, gone, modified, false};
    const std::size_t count_max = world_.options().watch_queue_max;
    // What repeats the newest unread change is one with it, as in inotify.
    const bool repeats = !watcher.changes.empty() && watcher.changes.back() == change;
    if (!repeats && watcher.changes.size() < count_max) {
      watcher.changes.push_back(std::move(change));
    } else if (!repeats && !watcher.changes.back().lost) {
      watcher.changes.push_back({0, {}, false, false, false, true});
    }
    if (name.empty() && gone) watcher.watches.erase(found);
    wake(watcher.waiters);
  }
}

void SimMachine::take_changes(io::Handle handle, FunctionRef<void(const io::Change&)> each) {
  const Entry* found = entry(handle);
  RUNNEL_ASSERT(found != nullptr && found->kind == Kind::watcher);
  // Taken away first: whoever is told may cause the next change.
  std::deque<SeenChange> changes;
  changes.swap(watchers_[found->watcher].changes);
  for (const SeenChange& seen : changes)
    each({seen.watch, seen.name, seen.appeared, seen.gone, seen.modified, seen.lost});
}

}  // namespace runnel::sim
