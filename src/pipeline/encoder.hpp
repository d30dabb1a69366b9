// Turns records into the bytes of a frame, in a fixed buffer.
//   text: the body and a newline. Gaps are left out, or (gaps = true) written as a line
//         "[runnel: 12 events dropped]".
//   json: one object a line:
//         {"time":"2026-11-22T11:42:18.123456Z","source":"applog","severity":"info",
//          "headers":{"host":"gw"},"body":"..."}; a gap is {"gap":{"events":12,"bytes":3400,
//          "from":"...","to":"..."}}. Severity and headers only where there are any. While nobody
//          knows what time it was, it counts from 1970 and the headers have "clock":"since boot".
//   custom: as a RecordFormat says, between its head and its tail. Gaps are left out.
//   none: nothing is written; the records are only visited.
// What is a line can be octet-counted (RFC 6587 section 3.4.1): "5 hello" instead of "hello\n".
#pragma once

#include <span>
#include <string_view>

#include "codec/civil.hpp"
#include "pipeline/blocks.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/record.hpp"
#include "pipeline/record_format.hpp"

namespace runnel::pipeline {

enum class Encoding : std::uint8_t { none, text, json, custom };

struct EncodingSettings {
  Encoding encoding = Encoding::none;
  bool text_gaps = false;
  bool octet_counted = false;
  bool json_array = false;               // of `json`: "[{...},{...}]" instead of lines
  const RecordFormat* format = nullptr;  // of `custom`
};

// What one record of at most this many bytes can become, alone in a frame.
std::size_t encoded_bytes_max(const EncodingSettings& settings, std::size_t record_bytes);

class Encoder {
 public:
  // `sources`: names by number of source; outlives the encoder, as do the clock and the buffers.
  // `ends`: gets where each event ends; empty: nobody asks.
  Encoder(const EncodingSettings& settings, MutableBytes buffer, std::span<std::uint32_t> ends,
          std::span<const std::string_view> sources, const Clock& clock)
      : settings_(settings),
        as_it_is_(!settings.octet_counted && !settings.json_array && ends.empty()),
        buffer_(buffer),
        ends_(ends),
        sources_(sources),
        clock_(clock) {}

  // False: no room for it, nothing was written.
  bool add(const Record& record);
  bool add(const Gap& gap);
  // What is added next comes from this block, maybe from before the machine was started, and is
  // called after `batch`, its first record `number`.
  void comes_from(const Block& block, const BatchId& batch, std::uint64_t number) {
    block_ = block;
    batch_ = batch;
    number_ = number;
  }
  // The number of the record that is added next, where they are not added in order.
  void goes_on_at(std::uint64_t number) { number_ = number; }
  // As if the clock had never been set: times take no more room than they did before it was.
  void forget_clock(bool forget) { forgets_clock_ = forget; }
  void clear() {
    size_ = begun_ = head_bytes_ = 0;
    end_count_ = 0;
    visited_bytes_ = 0;
  }
  // Nothing more is added to what was begun at `begin`: writes the tail of the format.
  void finish(std::size_t begin = 0);

  Bytes plain() const { return buffer_.first(size_); }
  // Offsets in `plain`. What stands between two events (a gap) belongs to the one behind it.
  std::span<const std::uint32_t> ends() const { return ends_.first(end_count_); }
  // Of the head that the format wrote for the frame at hand, until the next one is begun.
  std::size_t head_bytes() const { return head_bytes_; }
  // Body bytes of what was added, whatever the encoding.
  std::uint64_t visited_bytes() const { return visited_bytes_; }
  std::uint64_t replaced_characters() const { return replaced_characters_; }
  // Events that a format has cut.
  std::uint64_t cut_events() const { return cut_events_; }
  // Of a record of the block at hand. Not known: it counts from the start of the machine.
  WallTime wall_time(Time time) const;
  bool is_known(Time time) const;

 private:
  bool add_text(Bytes body);
  bool add_json(const Record& record);
  // What few sinks ask for stays out of the way of the others: inlined it costs each of their
  // events a dozen instructions.
  [[gnu::noinline]] bool add_custom(const Record& record);
  [[gnu::noinline]] bool finish_event(std::size_t begin);
  bool frame_line(std::size_t begin);
  bool count_octets(std::size_t begin);
  bool place_in_array(std::size_t begin);
  bool write(Bytes bytes);
  bool add(const Gap& gap, WallTime from, WallTime to);
  bool add_json(const Gap& gap, WallTime from, WallTime to);
  EncodedEvent event_of(const Record& record) const;

  EncodingSettings settings_;
  bool forgets_clock_ = false;
  bool as_it_is_;  // nothing is done with an event once it is written
  MutableBytes buffer_;
  std::span<std::uint32_t> ends_;
  std::span<const std::string_view> sources_;
  const Clock& clock_;
  Block block_;
  codec::Rfc3339 rfc3339_;
  std::size_t size_ = 0;
  std::size_t begun_ = 0;  // where the frame at hand begins
  std::size_t head_bytes_ = 0;
  std::size_t end_count_ = 0;
  BatchId batch_;
  std::uint64_t number_ = 0;
  std::uint64_t visited_bytes_ = 0;
  std::uint64_t replaced_characters_ = 0;
  std::uint64_t cut_events_ = 0;
};

}  // namespace runnel::pipeline
