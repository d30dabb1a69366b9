// How a destination that has a format of its own wants events: what the encoder writes for each of
// them, between a head and a tail. For sinks whose frames are neither text nor JSON lines.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "pipeline/batch_id.hpp"
#include "pipeline/record.hpp"

namespace runnel::pipeline {

// A record with what only the encoder knows of it.
struct EncodedEvent {
  const Record& record;
  WallTime time;
  bool clock_known;  // false: `time` counts from the start of the machine
  std::string_view source;
  // Where it comes from: a batch or a block (no part of one), and its number there. Together they
  // name the event: the same at every retry, and with a journal after every restart.
  const BatchId* batch = nullptr;
  std::uint64_t number = 0;
  // Takes how many sequences that were not UTF-8 have been replaced; starts at zero.
  std::uint64_t* replaced = nullptr;
  // Becomes 1 when the event was longer than its destination takes, and cut; starts at zero.
  std::uint64_t* cut = nullptr;
};

// The plan of its sink owns it. What is asked for depends on the events alone, and on what was
// written before: an event that found no room is asked for again.
class RecordFormat {
 public:
  virtual ~RecordFormat() = default;
  // The most that `event` writes for a record of at most so many bytes; the same for `head`.
  virtual std::size_t event_bytes_max(std::size_t record_bytes) const = 0;
  virtual std::size_t head_bytes_max() const { return 0; }

  // The number of bytes written; nothing: no room for it.
  virtual std::optional<std::size_t> head(const EncodedEvent& first, MutableBytes into) const {
    (void)first, (void)into;
    return 0;
  }
  virtual std::optional<std::size_t> event(const EncodedEvent& event, MutableBytes into) const = 0;
  // Head and tail stand around any number of events that follow each other: a frame may be cut into
  // pieces, and each gets the head of the whole.
  // Stands between events, and at the end. Valid for ever; at most `mark_bytes_max` each.
  virtual std::string_view separator() const { return {}; }
  virtual std::string_view tail() const { return {}; }
  static constexpr std::size_t mark_bytes_max = 32;
};

}  // namespace runnel::pipeline
