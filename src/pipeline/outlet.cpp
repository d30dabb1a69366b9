#include "pipeline/outlet.hpp"

#include <algorithm>

namespace runnel::pipeline {

void Outlet::connect(Channel& channel) {
  RUNNEL_ASSERT(count_ < channels_.size());
  channels_[count_++] = &channel;
}

bool Outlet::takes(std::size_t bytes) const {
  return std::all_of(channels_.begin(), channels_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [&](Channel* each) { return each->takes(bytes); });
}

std::size_t Outlet::record_bytes_max() const {
  std::size_t smallest = SIZE_MAX;
  for (std::size_t index = 0; index < count_; ++index)
    smallest = std::min(smallest, channels_[index]->record_bytes_max());
  return smallest;
}

// With the turn in one channel, all the others have room, too. In those where it has not stood in
// line yet (from `unasked` on) nobody else may stand there.
bool Outlet::goes_on(std::size_t bytes, std::size_t unasked) const {
  if (!takes(bytes)) return false;
  return std::none_of(channels_.begin() + static_cast<std::ptrdiff_t>(unasked),
                      channels_.begin() + static_cast<std::ptrdiff_t>(count_),
                      [](Channel* each) { return each->somebody_waits(); });
}

async::Task<Status> Outlet::writable(std::size_t bytes, Turn& turn) {
  // Where all others have room the turn is kept: given up, what it stands for would go to the next
  // in line, again and again. Where one has none, this waits there instead; nobody waits for one
  // channel with the turn in another: who is stuck there would be stuck in both. A channel that had
  // room may have lost it meanwhile; then round again. Each round waits, so it cannot spin.
  for (bool first_round = true;; first_round = false) {
    for (std::size_t index = 0; index < count_; ++index) {
      turn.give_up();
      const Status room = co_await channels_[index]->writable(bytes, turn);
      if (!room) co_return room;
      if (count_ == 1 || goes_on(bytes, first_round ? index + 1 : count_)) co_return Status();
    }
  }
}

async::Task<void> Outlet::keep_lead_short(Instant until) {
  for (std::size_t index = 0; index < count_; ++index) {
    while (channels_[index]->backlog_bytes() > lead_bytes_max) {
      const Status taken = co_await channels_[index]->taken().wait(until);
      if (!taken) co_return;
    }
  }
}

bool Outlet::in_custody(const Receipt& receipt) const {
  for (std::size_t index = 0; index < count_; ++index)
    if (channels_[index]->custody() < receipt.positions[index]) return false;
  return true;
}

OutletPut::OutletPut(Outlet& outlet, Turn& turn) : outlet_(outlet), turn_(turn) {
  for (std::size_t index = 0; index < outlet.count_; ++index)
    puts_[index].emplace(*outlet.channels_[index], turn);
}

Status OutletPut::append_everywhere(Event& event) {
  const std::size_t size = record_bytes(event);
  if (size > outlet_.record_bytes_max()) return refuse(Error::too_large);
  if (!outlet_.takes(size)) return Error::no_room;
  for (std::size_t index = 0; index < outlet_.count_; ++index) {
    const Status status = puts_[index]->append(event);
    // Invariant: every channel has said that it takes it, so all do.
    RUNNEL_ASSERT(status.ok());
  }
  ++events_;
  bytes_ += event.body.size();
  return {};
}

Status OutletPut::refuse(Error error) {
  if (error != Error::too_large) return error;
  ++outlet_.counters_.rejected_events;
  return {};
}

Receipt OutletPut::commit() {
  Receipt receipt;
  for (std::size_t index = 0; index < outlet_.count_; ++index)
    receipt.positions[index] = puts_[index]->commit();
  outlet_.counters_.received_events += events_;
  outlet_.counters_.received_bytes += bytes_;
  return receipt;
}

}  // namespace runnel::pipeline
