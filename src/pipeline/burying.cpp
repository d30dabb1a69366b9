// What the destination refuses for good becomes dead letters, durable before the batch is
// acknowledged. Nothing waits: what cannot be written is counted, told and left behind.
#include "base/log.hpp"
#include "pipeline/sink_runner.hpp"

namespace runnel::pipeline {

using async::Task;

namespace {

// `event`: its place in the frame.
bool is_refused(const Delivery& delivery, std::size_t event) {
  if (delivery.which_refused.empty()) return true;
  return (delivery.which_refused[event / 64] >> (event % 64) & 1) != 0;
}

}  // namespace

// It never blocks the channel and never loops.
void SinkRunner::give_up(const Part& part, const Delivery& delivery) {
  context_.counters.refused_events += refused_;
  const bool are_known = refused_ == part.events || !delivery.which_refused.empty();
  if (dead_letters_.on() && are_known) note_refused(part, delivery);
  if (dead_letters_.on() && !are_known) lose(refused_, "the destination does not say which");
  if (!refusal_complaint_.due(context_.now())) return;
  log_error(context_.name, "the destination refuses ", refused_,
            " events for good: ", describe(delivery.error), delivery.reason.empty() ? "" : ": ",
            delivery.reason, "; ", context_.counters.refused_events, " since the start, ",
            dead_letters_.on() && are_known ? "kept in " : "lost",
            dead_letters_.on() && are_known ? dead_letters_.path() : std::string_view());
}

// With partitions the marks are those of records, else those of events (a gap between them is
// nobody's to refuse).
void SinkRunner::note_refused(const Part& part, const Delivery& delivery) {
  const Refusals::Reason reason =
      refusals_.reason(delivery.reason.empty() ? describe(delivery.error) : delivery.reason);
  if (!settings_.partitions) {
    for (std::size_t at = 0; at < part.events; ++at)
      if (is_refused(delivery, at)) refusals_.add(part.first_end + at, reason);
    return;
  }
  std::uint32_t seen = 0;
  for (std::size_t at = 0; at < events_; ++at) {
    if (memory_.keys[at] != part.key) continue;
    const std::uint32_t event = seen++;
    const bool in_piece = event >= part.first_event && event - part.first_event < part.events;
    if ((!part.is_piece || in_piece) && is_refused(delivery, event - part.first_event))
      refusals_.add(at, reason);
  }
}

bool SinkRunner::can_be_buried(const Batch& batch) {
  if (withdrawn_) {
    refusals_.clear();
    return false;
  }
  if (batch.comes_again()) return true;
  lose_rest();
  return false;
}

// It was given back a moment ago, and comes again before anything newer, unless the channel or its
// disk has lost it.
bool SinkRunner::is_to_be_buried(const Batch& batch) const {
  return batch.sequence() == id_.sequence && batch.first_record() == first_record_ &&
         batch.events() <= events_;
}

// False: cancelled.
Task<bool> SinkRunner::bury(Batch& batch) {
  std::uint64_t count = 0;
  const std::size_t bytes = write_letters(batch, count);
  batch.encoded();
  if (bytes == 0) {
    // What is left of it was dropped while it was on its way back.
    lose_rest();
    co_return true;
  }
  const Status written = co_await dead_letters_.append(memory_.plain.first(bytes), count);
  if (written.error() == Error::cancelled) co_return false;
  if (written)
    context_.counters.dead_letter_events += count;
  else
    lose(count, describe(written.error()));
  co_return true;
}

// As many as there is room for, into the memory of the batch's encoding, which is done with: that
// of letters that were written. Returns its bytes.
std::size_t SinkRunner::write_letters(Batch& batch, std::uint64_t& count) {
  encoder_.comes_from(batch.block(), origin_of(batch), batch.first_record());
  const MutableBytes room =
      memory_.plain.first(std::min(memory_.plain.size(), dead_letters_.append_bytes_max()));
  // A ring that drops its oldest may have taken the first ones since.
  std::size_t index = events_ - batch.events();
  std::size_t size = 0;
  RecordReader reader(batch);
  while (reader.next()) {
    const Record& record = reader.record();
    const bool is_event = record.kind() != RecordKind::gap;
    if (!is_event && !settings_.partitions) continue;
    const std::size_t at = index++;
    if (!refusals_.has(at)) continue;
    const std::size_t written = is_event ? write_letter(record, at, room.subspan(size)) : 0;
    if (is_event && written == 0) break;
    size += written;
    count += is_event ? 1u : 0u;
    refusals_.done(at);
  }
  return size;
}

// 0: no room for it.
std::size_t SinkRunner::write_letter(const Record& record, std::size_t index, MutableBytes room) {
  Text<BatchId::text_bytes_max> name;
  id_.write(name);
  DeadLetter letter;
  letter.refused = context_.clock.at(Time::arrived(context_.now()));
  letter.time = encoder_.wall_time(record.time());
  letter.clock_known = encoder_.is_known(record.time());
  letter.severity = record.severity();
  letter.sink = dead_letters_.sink();
  letter.source = record.source() < sources_.size() ? sources_[record.source()] : "unknown";
  letter.batch = name.text();
  letter.reason = refusals_.why(index);
  letter.headers = record.headers();
  letter.body = record.body();
  if (letter.bytes() > room.size()) return 0;
  write_dead_letter(room.data(), letter);
  return letter.bytes();
}

// Its ring or its store has given them up before they could be read again.
void SinkRunner::lose_rest() {
  const std::uint64_t events = refusals_.count();
  refusals_.clear();
  lose(events, "the channel has dropped them");
}

void SinkRunner::lose(std::uint64_t events, std::string_view why) {
  context_.counters.dead_letter_lost_events += events;
  if (!burial_complaint_.due(context_.now())) return;
  log_error(context_.name, events, " refused events could not be kept as dead letters (", why,
            "): they are lost, ", context_.counters.dead_letter_lost_events, " since the start");
}

}  // namespace runnel::pipeline
