// Operations on files: they happen as a whole at the end of their latency.
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Operation;
using io::Verb;

void SimReactor::perform(std::uint32_t index) {
  Slot& slot = slots_[index];
  Operation& operation = *slot.operation;
  SimFiles& files = machine_.files();
  const auto* entry = slot.counted ? machine_.entry(operation.handle) : nullptr;
  if (slot.fault != Error::none) {
    if (operation.verb == Verb::sync) files.fail_sync(entry->inode, slot.sync);
    operation.error = slot.fault;
    // A failed close has closed all the same.
    if (operation.verb != Verb::close) return;
  }
  switch (operation.verb) {
    case Verb::open:
      return perform_open(operation);
    case Verb::read:
      return perform_read(operation, entry->inode);
    case Verb::write:
      if (!entry->writable)
        operation.error = Error::unexpected;
      else
        perform_write(operation, entry->inode);
      return;
    case Verb::sync:
      return files.finish_sync(entry->inode, slot.sync);
    case Verb::truncate:
      operation.error = entry->writable ? files.truncate(entry->inode, operation.offset).error()
                                        : Error::unexpected;
      return;
    case Verb::allocate:
      operation.error = entry->writable
                            ? files.allocate(entry->inode, operation.offset, operation.size).error()
                            : Error::unexpected;
      return;
    case Verb::stat: {
      RUNNEL_ASSERT(operation.info != nullptr);
      if (operation.path == nullptr) {
        *operation.info =
            entry->kind == SimMachine::Kind::file ? files.info(entry->inode) : io::FileInfo();
        return;
      }
      const auto info = files.info(operation.path);
      if (info)
        *operation.info = *info;
      else
        operation.error = info.error();
      return;
    }
    case Verb::rename:
      operation.error =
          files.rename(operation.path, operation.path_to, operation.mode == io::OpenMode::exclusive)
              .error();
      return;
    case Verb::unlink:
      operation.error = files.unlink(operation.path).error();
      return;
    case Verb::close:
      slot.counted = false;
      machine_.entry(operation.handle)->in_flight = 0;
      machine_.remove(operation.handle);
      return;
    default:
      RUNNEL_ASSERT(false && "not a verb of files");
  }
}

void SimReactor::perform_open(Operation& operation) {
  const auto inode = machine_.files().open(operation.path, operation.mode);
  if (!inode) {
    operation.error = inode.error();
    return;
  }
  SimMachine::Entry entry;
  entry.kind = SimMachine::Kind::file;
  entry.inode = *inode;
  entry.writable = operation.mode != io::OpenMode::read && operation.mode != io::OpenMode::folder;
  const auto handle = machine_.add(entry);
  if (handle) {
    operation.result = static_cast<std::int32_t>(*handle);
  } else {
    machine_.files().close(*inode);
    operation.error = handle.error();
  }
}

void SimReactor::perform_read(Operation& operation, Inode inode) {
  std::size_t size = operation.size;
  if (size > 1 && world_.schedule_random().chance(world_.options().partial_reads))
    size = world_.schedule_random().between(1, size - 1);
  const auto count = machine_.files().read(inode, operation.offset, {operation.data, size});
  if (count)
    operation.result = static_cast<std::int32_t>(*count);
  else
    operation.error = count.error();
}

void SimReactor::perform_write(Operation& operation, Inode inode) {
  std::size_t size = operation.size;
  if (size > 1 && world_.schedule_random().chance(world_.options().partial_writes))
    size = world_.schedule_random().between(1, size - 1);
  SimFiles& files = machine_.files();
  const bool at_end = operation.offset == io::current_position;
  const auto count = files.write(inode, at_end ? files.info(inode).size : operation.offset,
                                 {operation.data, size});
  if (count)
    operation.result = static_cast<std::int32_t>(*count);
  else
    operation.error = count.error();
}

}  // namespace runnel::sim
