#include "tests/sim/swarm/faults.hpp"

namespace runnel::swarm {

using sim::SimOptions;

bool ends_the_process(FaultKind kind) { return kind <= FaultKind::stop_twice; }

bool makes_errors(FaultKind kind) {
  return kind >= FaultKind::disk_full && kind <= FaultKind::handle_errors;
}

namespace {

constexpr std::uint32_t always = 1'000'000;
constexpr std::uint16_t tcp_port = 5170;

// What is left to an almost full disk.
constexpr std::uint32_t spare_bytes_max = 6000;

}  // namespace

void Weather::begin(const Fault& fault) {
  SimOptions& options = world_.options();
  sim::SimMachine& machine = world_.machine();
  world_.count_fault();
  if (makes_errors(fault.kind))
    errors_until_ = std::max(errors_until_, after(world_.now(), fault.length));
  switch (fault.kind) {
    case FaultKind::disk_full:
      options.space_errors = always;
      break;
    case FaultKind::disk_nearly_full:
      options.capacity_bytes = machine.files().used_bytes() + fault.amount % spare_bytes_max;
      break;
    case FaultKind::space_errors:
      options.space_errors = fault.amount;
      break;
    case FaultKind::write_errors:
      options.write_errors = fault.amount;
      break;
    case FaultKind::sync_errors:
      options.sync_errors = fault.amount;
      break;
    case FaultKind::read_errors:
      options.read_errors = fault.amount;
      break;
    case FaultKind::entry_errors:
      options.entry_errors = fault.amount;
      break;
    case FaultKind::handle_errors:
      options.handle_errors = fault.amount;
      break;
    case FaultKind::short_writes:
      options.partial_writes = fault.amount;
      break;
    case FaultKind::slow_disk:
      options.sync_latency.max = scenario_.slowest_disk;
      options.write_latency.max = scenario_.slowest_disk / 8;
      options.read_latency.max = scenario_.slowest_disk / 8;
      break;
    case FaultKind::slow_network:
      options.network_latency.max = 400ms;
      break;
    case FaultKind::partition:
      world_.network().partition(machine, senders_.machine(), true);
      break;
    case FaultKind::partition_port:
      world_.network().partition_port(tcp_port, true);
      break;
    case FaultKind::datagram_loss:
      options.datagram_loss = fault.amount;
      break;
    case FaultKind::watches_overflow:
      options.watch_queue_max = 2;
      break;
    case FaultKind::reset_connections:
      world_.network().reset_connections(tcp_port);
      return;
    case FaultKind::half_open:
      senders_.lose_power();
      return;
    case FaultKind::clock_step:
      world_.step_wall_clock(fault.step);
      return;
    default:
      RUNNEL_ASSERT(false && "an end of the process is not weather");
  }
  world_.at(after(world_.now(), fault.length), [this, kind = fault.kind] { end(kind); });
}

void Weather::end(FaultKind kind) {
  SimOptions& options = world_.options();
  const SimOptions& usual = scenario_.options;
  switch (kind) {
    case FaultKind::disk_full:
    case FaultKind::space_errors:
      options.space_errors = 0;
      break;
    case FaultKind::disk_nearly_full:
      options.capacity_bytes = usual.capacity_bytes;
      break;
    case FaultKind::write_errors:
      options.write_errors = 0;
      break;
    case FaultKind::sync_errors:
      options.sync_errors = 0;
      break;
    case FaultKind::read_errors:
      options.read_errors = 0;
      break;
    case FaultKind::entry_errors:
      options.entry_errors = 0;
      break;
    case FaultKind::handle_errors:
      options.handle_errors = 0;
      break;
    case FaultKind::short_writes:
      options.partial_writes = usual.partial_writes;
      break;
    case FaultKind::slow_disk:
      options.sync_latency = usual.sync_latency;
      options.write_latency = usual.write_latency;
      options.read_latency = usual.read_latency;
      break;
    case FaultKind::slow_network:
      options.network_latency = usual.network_latency;
      break;
    case FaultKind::partition:
      world_.network().partition(world_.machine(), senders_.machine(), false);
      break;
    case FaultKind::partition_port:
      world_.network().partition_port(tcp_port, false);
      break;
    case FaultKind::datagram_loss:
      options.datagram_loss = 0;
      break;
    case FaultKind::watches_overflow:
      options.watch_queue_max = usual.watch_queue_max;
      break;
    default:
      break;
  }
}

void Weather::clear() {
  world_.end_faults();
  world_.options() = scenario_.options;
}

}  // namespace runnel::swarm
