// Where a source puts: all of its channels at once. Every event goes into each; room is found in
// all that block before anything is put into any. A Receipt says what has to be in custody,
// everywhere, before the source may forget.
#pragma once

#include <array>
#include <optional>

#include "async/task.hpp"
#include "pipeline/channel.hpp"

namespace runnel::pipeline {

inline constexpr std::size_t outlet_channels_max = 4;

struct Receipt {
  std::array<Position, outlet_channels_max> positions = {};
};

class OutletPut;

class Outlet {
 public:
  Outlet(std::uint16_t source, SourceCounters& counters) : source_(source), counters_(counters) {}

  void connect(Channel& channel);  // start-up only
  // Has the turn that `writable` gave, and gives it up.
  [[nodiscard]] OutletPut put(Turn& turn);
  // Until a record of `bytes` fits everywhere and it is this putter's turn. Ok, cancelled, or
  // closed.
  async::Task<Status> writable(std::size_t bytes, Turn& turn);
  // For active sources, which have all the time in the world: waits while the sinks are busy with
  // more than `lead_bytes_max`, so that what they read is still in the processor's cache; not past
  // `until`, because a sink that is stuck must not keep the ring from filling.
  async::Task<void> keep_lead_short(Instant until);
  static constexpr std::size_t lead_bytes_max = 512 * 1024;
  // The channels hold what the receipt was given for, or somebody further on does.
  bool in_custody(const Receipt& receipt) const;
  std::size_t record_bytes_max() const;
  SourceCounters& counters() { return counters_; }

 private:
  friend class OutletPut;
  bool takes(std::size_t bytes) const;
  bool goes_on(std::size_t bytes, std::size_t unasked) const;

  std::uint16_t source_;
  SourceCounters& counters_;
  std::array<Channel*, outlet_channels_max> channels_ = {};
  std::size_t count_ = 0;
};

// All or nothing, in every channel; no co_await while it lives.
class [[nodiscard]] OutletPut {
 public:
  OutletPut(Outlet& outlet, Turn& turn);
  OutletPut(const OutletPut&) = delete;
  OutletPut& operator=(const OutletPut&) = delete;
  ~OutletPut() {
    for (auto& put : puts_) put.reset();
    turn_.give_up();
  }

  // Sets the event's source. `no_room`: commit, await `writable(record_bytes(event))`, put again.
  // An event that fits no channel is dropped and counted as rejected: Ok.
  Status append(Event& event);
  Receipt commit();
  std::uint64_t events() const { return events_; }

 private:
  Status append_everywhere(Event& event);
  Status refuse(Error error);

  Outlet& outlet_;
  Turn& turn_;
  std::array<std::optional<Put>, outlet_channels_max> puts_;
  std::uint64_t events_ = 0;
  std::uint64_t bytes_ = 0;
};

inline OutletPut Outlet::put(Turn& turn) { return OutletPut(*this, turn); }

// The hot path: nearly every source has one channel.
[[gnu::always_inline]] inline Status OutletPut::append(Event& event) {
  event.source = outlet_.source_;
  if (outlet_.count_ != 1) return append_everywhere(event);
  const Status status = puts_[0]->append(event);
  if (!status) [[unlikely]]
    return refuse(status.error());
  ++events_;
  bytes_ += event.body.size();
  return {};
}

}  // namespace runnel::pipeline
