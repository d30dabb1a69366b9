// The contract of sinks. The runner takes batches, encodes and compresses them, and hands the sink
// frames; the sink only has to get each frame to where it goes.
//
// Life: carve and construct, start, deliver (one frame at a time), shut.
#pragma once

#include "pipeline/batch_id.hpp"
#include "pipeline/context.hpp"

namespace runnel::pipeline {

// A batch, or the part of one that goes to one place, ready to be written.
struct Frame {
  Bytes wire;   // encoded and compressed: stands for itself
  Bytes plain;  // encoded only; valid as long as `wire`
  // Where each event ends, counted from `offset` bytes before `plain`; only for sinks whose
  // settings say `event_ends`.
  std::span<const std::uint32_t> ends;
  std::size_t offset = 0;
  std::uint32_t events = 0;
  BatchId id;                 // the same at every retry
  std::uint64_t key = 0;      // what `Sink::partition` said of its events
  std::uint64_t rewinds = 0;  // of the subscription, when the batch was taken
};

struct Delivery {
  enum class Outcome : std::uint8_t {
    delivered,  // the destination has it and will keep it
    held,       // written; the sink settles its subscription when it is durable
    retry,      // not delivered, nothing of it remains; try again later
    withdrawn,  // not delivered: the subscription was rewound, its batch is taken again
    too_large,  // not delivered: in smaller parts it may be; only with `event_ends`
    poisoned,   // not delivered because of something in it: parts find what; only with `event_ends`
    refused,    // the destination will never take it: it is counted, told and left behind
  };
  Outcome outcome = Outcome::delivered;
  Error error = Error::none;                // of a retry or a refusal
  Duration retry_after = Duration::zero();  // what the destination asked for; zero: the back-off
  // What a person should know of a retry or a refusal: a status, a sentence of the peer. Stays
  // until the next delivery; empty: the error says it all.
  std::string_view reason = {};
  // Delivered, but for so many that the destination refuses for good; the reason says why.
  std::uint32_t refused_events = 0;
  // Which events of the frame those are, a bit each, and no other bit set: what is known becomes
  // dead letters. Stays until the next delivery; empty: the destination does not say.
  std::span<const std::uint64_t> which_refused = {};
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Opens what can be opened now; what an earlier run left unfinished is put right. After a failure
  // nothing else is called.
  virtual async::Task<Started> start() = 0;
  virtual async::Task<Delivery> deliver(const Frame& frame) = 0;
  // Every frame has been delivered, or given up: finishes files, makes durable, settles.
  virtual async::Task<void> shut() = 0;
  // Events with different keys never share a frame (a path with a header in it). Asked only of
  // sinks whose settings say `partitions`, for every event of a batch, before its frames are
  // delivered; a batch has at most `partitions_max` different ones.
  virtual std::uint64_t partition(const Record& record) {
    (void)record;
    return 0;
  }
  static constexpr std::size_t partitions_max = 64;
};

}  // namespace runnel::pipeline
