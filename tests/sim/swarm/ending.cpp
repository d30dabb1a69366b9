#include "tests/sim/swarm/ending.hpp"

#include <algorithm>

namespace runnel::swarm {
namespace {

constexpr Duration down_usually = 100ms;

bool loses_power(FaultKind kind) {
  return kind == FaultKind::power_loss || kind == FaultKind::power_loss_during;
}

}  // namespace

void Ending::clear() {
  torn_ = Torn::no;
  torn_at_ = deadline_ = second_signal_ = never;
  around_.reset();
  down_for_ = down_usually;
}

void Ending::tear(FaultKind kind, Instant at) {
  torn_ = loses_power(kind) ? Torn::by_power_loss : Torn::by_kill;
  torn_at_ = at;
}

void Ending::plan(const Fault& fault) {
  down_for_ = fault.length;
  switch (fault.kind) {
    case FaultKind::kill:
    case FaultKind::power_loss:
      return tear(fault.kind, after(world_.now(), fault.length / 8));
    case FaultKind::kill_during:
    case FaultKind::power_loss_during:
      around_ = fault;
      return;
    case FaultKind::stop_twice:
      second_signal_ = after(world_.now(), fault.length / 4);
      return stop();
    default:
      return stop();
  }
}

// By when the signal has to have led to the end: the sources' grace, the drain, and what the disk
// may take for the last files and the checkpoint.
void Ending::stop() {
  world_.machine().raise(io::Signal::stop);
  constexpr Duration source_grace = 2s + 1s;
  constexpr int last_syncs = 24, last_entries = 64;
  const Duration disk = last_syncs * scenario_.slowest_disk +
                        last_entries * scenario_.options.entry_latency.max + scenario_.slowest_disk;
  deadline_ = after(world_.now(), source_grace + scenario_.drain_timeout + disk);
  // A journal writes what its ring holds, block by block; full, or without a word from the disk, it
  // gives up after a while.
  constexpr int ring_blocks_max = 140, segments_max = 8;
  constexpr Duration journal_patience = 10s;
  for (const auto& journal : scenario_.journals)
    if (journal)
      deadline_ = after(deadline_, journal_patience + ring_blocks_max * scenario_.slowest_disk / 8 +
                                       segments_max * scenario_.slowest_disk);
}

void Ending::signal_again() {
  if (world_.now() < second_signal_) return;
  second_signal_ = never;
  world_.machine().raise(io::Signal::stop);
}

void Ending::submitted(const io::Operation& operation) {
  if (!around_ || static_cast<io::Verb>(around_->verb) != operation.verb) return;
  // Sometimes before it has begun, mostly while it is under way, sometimes a moment behind it.
  tear(around_->kind, after(world_.now(), world_.fault_random().between({0ns, 3ms})));
  down_for_ = around_->length;
  around_.reset();
  world_.pause_at(torn_at_);
}

void Ending::wait_no_longer() {
  if (!around_) return;
  tear(around_->kind, world_.now());
  around_.reset();
}

Instant Ending::next() const { return std::min({torn_at_, deadline_, second_signal_}); }

}  // namespace runnel::swarm
