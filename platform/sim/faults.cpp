// What the reactor of a machine lets go wrong, and how long everything takes.
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Operation;
using io::Verb;

void SimReactor::fail_next(Verb verb, Error error, std::uint32_t count, std::uint32_t skip) {
  scripts_.push_back({verb, error, count, skip});
}

Error SimReactor::drawn_fault(const Operation& operation) {
  for (Script& script : scripts_) {
    if (script.verb != operation.verb || script.count == 0) continue;
    if (script.skip > 0) {
      --script.skip;
      continue;
    }
    --script.count;
    world_.count_fault();
    return script.error;
  }
  const SimOptions& options = world_.options();
  switch (operation.verb) {
    case Verb::read:
      return world_.fault(options.read_errors) ? Error::io : Error::none;
    case Verb::write:
      if (world_.fault(options.space_errors)) return Error::no_space;
      return world_.fault(options.write_errors) ? Error::io : Error::none;
    case Verb::allocate:
      return world_.fault(options.space_errors) ? Error::no_space : Error::none;
    case Verb::sync:
      return world_.fault(options.sync_errors) ? Error::io : Error::none;
    case Verb::open:
    case Verb::rename:
    case Verb::unlink:
    case Verb::truncate:
      return world_.fault(options.entry_errors) ? Error::io : Error::none;
    default:
      return Error::none;
  }
}

Range SimReactor::latency_of(Verb verb) const {
  const SimOptions& options = world_.options();
  switch (verb) {
    case Verb::read:
      return options.read_latency;
    case Verb::write:
      return options.write_latency;
    case Verb::sync:
      return options.sync_latency;
    default:
      return options.entry_latency;
  }
}

// The kernel may have got this far before the process died, or not.
void SimReactor::settle_abandoned(Operation& operation) {
  Random& random = world_.fault_random();
  if (random.below(2) == 0) return;
  SimFiles& files = machine_.files();
  const auto* entry = has_handle(operation) ? machine_.entry(operation.handle) : nullptr;
  switch (operation.verb) {
    case Verb::write:
      if (entry->writable && operation.size > 0)
        (void)files.write(entry->inode, operation.offset,
                          {operation.data, random.between(1, operation.size)});
      return;
    case Verb::truncate:
      if (entry->writable) (void)files.truncate(entry->inode, operation.offset);
      return;
    case Verb::rename:
      (void)files.rename(operation.path, operation.path_to,
                         operation.mode == io::OpenMode::exclusive);
      return;
    case Verb::unlink:
      (void)files.unlink(operation.path);
      return;
    default:
      return;
  }
}

void SimReactor::abandon() {
  // Nobody gets another's turn any more.
  for (Pool& pool : pools_) pool.parked.clear();
  for (std::uint32_t index = 0; index < slots_.size(); ++index) {
    Slot& slot = slots_[index];
    if (slot.operation == nullptr) continue;
    Operation& operation = *slot.operation;
    if (slot.begun && slot.is_file && !slot.finished && slot.fault == Error::none)
      settle_abandoned(operation);
    stop_waiting(index);
    operation.unlink();
    operation.state = Operation::State::idle;
    release(index);
  }
  requests_.clear();
  scripts_.clear();
  pools_.clear();
  wanted_ = never;
}

}  // namespace runnel::sim
