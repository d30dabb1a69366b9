// The one loop of every sink: next batch, encode, compress, deliver, commit. Deliveries that fail
// are tried again for as long as the agent lives, with a capped exponential back-off; a batch keeps
// its bytes and its sequence over all attempts. During a stop a sink that is backing off tries once
// more at once.
#pragma once

#include <span>

#include "base/log.hpp"
#include "codec/compressor.hpp"
#include "pipeline/dead_letter_file.hpp"
#include "pipeline/encoder.hpp"
#include "pipeline/refusals.hpp"
#include "pipeline/retry.hpp"
#include "pipeline/sink.hpp"

namespace runnel::pipeline {

struct DeliverySettings {
  Take take;
  bool standard_batch = false;  // nobody asked for `take.bytes_max`: it may be lowered
  Encoding encoding = Encoding::none;
  bool text_gaps = false;
  codec::Codec codec = codec::Codec::none;
  int level = 0;
  RetrySettings retry;
  DeadLetterSettings dead_letter;
  // What the sink itself asks for, whatever was configured.
  bool partitions = false;               // its `partition` tells events apart
  bool event_ends = false;               // it looks at `Frame::ends`
  bool octet_counted = false;            // each event with its length in front
  bool json_array = false;               // one array of objects instead of lines
  const RecordFormat* format = nullptr;  // instead of `encoding`
  // The largest record that can come; the agent knows it from the sources.
  std::size_t record_bytes_max = 64 * 1024;

  // Takes over what a sink's own plan had asked for.
  void keep_wishes_of(const DeliverySettings& plan);
  EncodingSettings encoder() const;
};

struct DeliveryMemory {
  static DeliveryMemory carve(Region& region, const DeliverySettings& settings);
  MutableBytes plain;
  MutableBytes wire;  // empty without compression
  codec::CompressorMemory compressor;
  std::span<std::uint64_t> keys;         // partitions: of every event of the batch
  std::span<std::uint32_t> ends;         // event_ends: of every event of the batch
  std::span<Refusals::Reason> refusals;  // with dead letters: of every record of the batch
};

class SinkRunner {
 public:
  SinkRunner(SinkContext& context, Sink& sink, const DeliverySettings& settings,
             const DeliveryMemory& memory, std::span<const std::string_view> sources);

  // Before anything is delivered: the dead letters of earlier runs.
  async::Task<Started> start();
  // Until the channel is closed and drained, then shuts the sink. When its scope is cancelled it
  // gives up what it has in hand, which goes back to the channel, and shuts the sink too.
  async::Task<void> run();

  Error last_error() const { return last_error_; }  // of the attempt under way; none: all is well

 private:
  // A stretch of `plain`: one frame to be.
  struct Part {
    std::uint64_t key = 0;   // the sink's own
    std::uint64_t name = 0;  // tells it apart from other parts of the batch
    std::size_t begin = 0, end = 0;
    std::uint32_t events = 0;
    std::size_t first_end = 0;   // of its events, in the encoder's ends
    std::size_t head_bytes = 0;  // of the format's head, at its begin
    // Of a piece: its first event, counted in the whole part.
    std::uint32_t first_event = 0;
    bool is_piece = false;
  };

  async::Task<bool> wait_for_turn();
  async::Task<bool> more_comes_back(Error why);
  async::Task<bool> wait_for_link();
  Duration link_opens_in();
  void encode(Batch& batch);
  bool encode_records(Batch& batch);
  bool encode_whole(Batch& batch);
  void note_gap(const Gap& gap);
  bool encode_partitioned(Batch& batch);
  std::uint32_t find_keys(Batch& batch);
  BatchId origin_of(const Batch& batch) const;
  BatchId id_of(const Batch& batch) const;
  Frame frame_of(const Part& part);
  async::Task<bool> deliver();
  async::Task<bool> deliver_part(const Part& part);
  async::Task<bool> deliver_in_pieces(const Part& part, std::uint32_t piece);
  Part piece_of(const Part& part, std::uint32_t from, std::uint32_t count) const;
  void cut_out(const Part& part, const Part& piece);
  void put_back(const Part& piece);
  void close_array(const Part& piece, bool closed);
  bool can_be_halved(const Frame& frame) const;
  async::Task<bool> deliver_frame(const Frame& frame, const Part& part);
  void complete(Batch& batch);
  bool can_be_given_back(const Batch& batch) const;
  async::Task<bool> wait_to_retry(const Delivery& delivery, std::string_view meanwhile);

  // burying.cpp: what was refused becomes dead letters. Only the channel has the events as they
  // came, so a batch with refused ones is given back and taken once more, to be read again.
  void give_up(const Part& part, const Delivery& delivery);
  void note_refused(const Part& part, const Delivery& delivery);
  bool can_be_buried(const Batch& batch);
  bool is_to_be_buried(const Batch& batch) const;
  async::Task<bool> bury(Batch& batch);
  std::size_t write_letters(Batch& batch, std::uint64_t& count);
  std::size_t write_letter(const Record& record, std::size_t index, MutableBytes room);
  void lose(std::uint64_t events, std::string_view why);
  void lose_rest();

  SinkContext& context_;
  Sink& sink_;
  DeliverySettings settings_;
  DeliveryMemory memory_;
  Encoder encoder_;
  codec::Compressor compressor_;
  Backoff backoff_;
  Occasional complaint_;
  Occasional gap_complaint_;
  Occasional refusal_complaint_;
  Occasional burial_complaint_;
  DeadLetterFile dead_letters_;
  Refusals refusals_;
  std::span<const std::string_view> sources_;
  // In a group: the batch at hand goes back for the others, because of this.
  bool gives_back_ = false;
  Delivery failed_;
  Error last_error_ = Error::none;
  std::array<Part, Sink::partitions_max> parts_;
  std::size_t part_count_ = 0;
  // Of the batch at hand.
  const Batch* batch_ = nullptr;
  bool is_taken_again_ = false;  // somebody had it before: it is not cut, and its gaps were told
  BatchId id_;
  std::uint64_t rewinds_ = 0;  // of the subscription, when it was taken
  bool withdrawn_ = false;     // it was
  std::uint32_t refused_ = 0;  // events of the last frame that the destination did not want
  enum class Pieces : std::uint8_t { none, small, growing };
  Pieces pieces_ = Pieces::none;  // it wants the last frame in pieces
  std::uint32_t events_ = 0;      // its records
  std::uint32_t first_record_ = 0;
  bool held_ = false;  // the sink holds the frames of this batch until they are durable
  // Of the part that is delivered in pieces: where its head was put last, and what the tail of the
  // piece at hand stands in the place of.
  std::size_t head_at_ = 0;
  std::array<std::byte, RecordFormat::mark_bytes_max> behind_ = {};
};

}  // namespace runnel::pipeline
