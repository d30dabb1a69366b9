#include "platform/sim/system.hpp"

#include <string>

#include "platform/sim/world.hpp"

namespace runnel::sim {

std::optional<std::string> SimSystem::environment(const char* name) const {
  const auto found = machine_.environment().find(name);
  if (found == machine_.environment().end()) return std::nullopt;
  return found->second;
}

io::MemoryUse SimSystem::memory_use() {
  io::MemoryUse use;
  use.resident_bytes = use.peak_bytes = machine_.mapped_bytes();
  return use;
}

Result<io::Handle> SimSystem::socket_handle(SocketId id) {
  SimMachine::Entry entry;
  entry.kind = SimMachine::Kind::socket;
  entry.socket = id;
  const auto handle = machine_.add(entry);
  if (!handle) machine_.world().network().close(id);
  return handle;
}

Result<io::Handle> SimSystem::listen(io::Transport transport, const io::Address& address,
                                     const io::ListenOptions& options) {
  const auto id = machine_.world().network().listen(machine_, transport, address, options);
  if (!id) return fail(id.error());
  return socket_handle(*id);
}

Result<io::Handle> SimSystem::socket(io::Transport transport, io::Family family) {
  return socket_handle(machine_.world().network().make(machine_, transport, family));
}

Result<io::Address> SimSystem::local_address(io::Handle handle) {
  const auto* entry = machine_.entry(handle);
  if (entry == nullptr || entry->kind != SimMachine::Kind::socket) return fail(Error::unsupported);
  return machine_.world().network().socket(entry->socket).local;
}

Result<io::StreamState> SimSystem::stream_state(io::Handle handle) {
  const auto* entry = machine_.entry(handle);
  if (entry == nullptr || entry->kind != SimMachine::Kind::socket) return fail(Error::unsupported);
  return machine_.world().network().state_of(entry->socket);
}

Result<std::uint64_t> SimSystem::datagrams_dropped(io::Handle handle) {
  const auto* entry = machine_.entry(handle);
  if (entry == nullptr || entry->kind != SimMachine::Kind::socket) return fail(Error::unsupported);
  return machine_.world().network().socket(entry->socket).dropped;
}

Status SimSystem::list(const char* folder, FunctionRef<bool(const io::FolderEntry&)> each) {
  return machine_.files().list(folder, each);
}

Result<std::string> SimSystem::read_file(const char* path, std::size_t bytes_max) {
  const auto info = machine_.files().info(path);
  if (!info) return fail(info.error());
  if (info->size > bytes_max) return fail(Error::too_large);
  return machine_.files().text(path);
}

Result<io::Handle> SimSystem::lock_file(const char* path, std::uint32_t& holder) {
  SimFiles& files = machine_.files();
  const auto inode = files.open(path, io::OpenMode::create);
  if (!inode) return fail(inode.error());
  auto& owner = files.lock_holder(*inode);
  if (owner != 0) {
    holder = owner;
    files.close(*inode);
    return fail(Error::in_use);
  }
  SimMachine::Entry entry;
  entry.kind = SimMachine::Kind::file;
  entry.inode = *inode;
  entry.writable = entry.locked = true;
  const auto handle = machine_.add(entry);
  if (!handle) {
    files.close(*inode);
    return handle;
  }
  owner = machine_.process_id;
  const std::string text = std::to_string(owner) + "\n";
  Status status = files.truncate(*inode, 0);
  const auto written = files.write(*inode, 0, as_bytes(text));
  if (!written) status = written.error();
  if (!status) {
    machine_.remove(*handle);
    return fail(status.error());
  }
  return handle;
}

io::Handle SimSystem::standard_output() {
  if (standard_output_ != io::Handle::none) return standard_output_;
  SimFiles& files = machine_.files();
  const Status made = files.make_folders("/dev");
  RUNNEL_ASSERT(made.ok());
  const auto inode = files.open("/dev/stdout", io::OpenMode::create);
  RUNNEL_ASSERT(inode.has_value());
  SimMachine::Entry entry;
  entry.kind = SimMachine::Kind::file;
  entry.inode = *inode;
  entry.writable = true;
  const auto handle = machine_.add(entry);
  RUNNEL_ASSERT(handle.has_value());
  standard_output_ = *handle;
  return standard_output_;
}

}  // namespace runnel::sim
