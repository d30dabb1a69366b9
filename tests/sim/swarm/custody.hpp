// What the channels that are journals have taken, and what they have promised: which events lie in
// their blocks, in what order and from which life of the agent, and how far custody and the sinks'
// acknowledgements had come when a life ended. It looks into the blocks of the living process after
// every turn; a block cannot leave the ring in the turn in which it was made.
//
// Promises, kept for the checker: what was in custody arrives; what a sink had acknowledged longer
// ago than `cursor_interval` does not come again.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "tests/sim/swarm/ending.hpp"
#include "tests/sim/swarm/ledger.hpp"
#include "tests/sim/swarm/life.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

class EventSet {
 public:
  bool has(std::uint32_t stream, std::uint32_t number) const {
    return stream < bits_.size() && number < bits_[stream].size() && bits_[stream][number];
  }
  bool add(const EventId& event);  // false: it is there already
  void add_all(const EventSet& more);
  void clear() { bits_.clear(); }
  const std::vector<std::vector<bool>>& by_stream() const { return bits_; }

 private:
  std::vector<std::vector<bool>> bits_;
};

class Custody {
 public:
  Custody(const Scenario& scenario, Ledger& ledger);

  void life_begins(std::uint32_t life);
  // After every turn of a life.
  void note(Instant now, const Life& life, Checker& checker);
  // It is over, and its parts still stand as they did at its last moment. `sound`: nothing was done
  // to the disk meanwhile.
  void life_ended(Instant now, const Life& life, Torn how, bool in_order, bool sound,
                  Checker& checker);

  // Of a channel that is a journal.
  bool owes(std::size_t channel, std::uint32_t stream, std::uint32_t number) const {
    return channels_[channel].owed.has(stream, number);
  }
  // Of that, what was owed when this life began: it has to arrive in it, if it lasts.
  const EventSet& due(std::size_t channel) const { return channels_[channel].due; }
  // It was there, and nothing was promised for what then happened.
  bool excuses(std::size_t channel, std::uint32_t stream, std::uint32_t number) const {
    return channels_[channel].excused.has(stream, number);
  }
  bool was_put(std::size_t channel, std::uint32_t stream, std::uint32_t number) const {
    return channels_[channel].ever.has(stream, number);
  }
  // The source began with it in some life: what comes behind it may have been there before.
  bool is_a_beginning(std::size_t channel, std::uint32_t stream, std::uint32_t number) const {
    return channels_[channel].beginnings.has(stream, number);
  }
  // It must not come (again) after this life.
  bool is_settled(std::size_t sink, std::uint32_t stream, std::uint32_t number) const;

 private:
  struct Put {
    pipeline::Position end = 0;
    EventId event;
    // A crash came before it was in custody: nobody has promised that it is still there.
    bool uncertain = false;
  };
  struct ChannelState {
    // What may still be in it, by position, over all lives.
    std::vector<Put> puts;
    std::uint64_t next_sequence = 0;  // of the block that comes next; 0: not known yet
    bool any = false;                 // a block was seen in this life
    std::uint64_t events_in_life = 0;
    std::vector<std::int64_t> last_file;  // by stream: in this life; -1: nothing of it yet
    EventSet ever, more_than_once, in_life, beginnings, owed, due, excused;
  };
  // How far the sinks had acknowledged.
  struct Sample {
    Instant at;
    std::vector<pipeline::Position> watermarks;
  };

  void note_block(ChannelState& channel, const pipeline::Channel& from,
                  const pipeline::Block& block);
  void note_put(ChannelState& channel, pipeline::Position end, const EventId& event);
  void settle(std::size_t sink);
  void check_stop(std::size_t index, const Life& life, Checker& checker) const;

  const Scenario& scenario_;
  Ledger& ledger_;
  std::uint32_t life_ = 0;
  std::vector<ChannelState> channels_;
  std::vector<EventSet> settled_;                 // by sink
  std::vector<pipeline::Position> written_down_;  // of this life, by sink: settled in the next
  std::deque<Sample> samples_;
};

}  // namespace runnel::swarm
