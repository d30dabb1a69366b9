#include "sinks/kafka/kafka_sink.hpp"

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/log.hpp"

namespace runnel::sinks {

using async::Task;
using net::KafkaReport;
using pipeline::Delivery;
using pipeline::Frame;

namespace {

// Other components get their turn after so many.
constexpr std::uint32_t messages_a_turn = 256;
// The library looks for messages that have waited too long once a second.
constexpr Duration patience = 10s;
constexpr Duration reading_interval = 1min;
// A socket, and two ends of a pipe, for each broker of the cluster that it knows.
constexpr std::size_t brokers_max = 80, handles_of_broker = 3;

// A tag: the number of the attempt, and the event. Nothing comes as late as 4096 attempts.
constexpr std::uint32_t event_bits = 20, events_mask = (1u << event_bits) - 1;
constexpr std::uint32_t attempts = 1u << (32 - event_bits);

std::size_t begin_of(const Frame& frame, std::uint32_t event) {
  return event == 0 ? 0 : frame.ends[event - 1];
}

}  // namespace

KafkaMemory KafkaSink::carve(Region& region, const KafkaSinkSettings& settings) {
  RUNNEL_ASSERT(settings.events_max <= events_mask);
  KafkaMemory memory;
  const std::size_t words = EventSet::words_for(settings.events_max);
  memory.settled = region.array<std::uint64_t>(words, "settled events");
  memory.refused = region.array<std::uint64_t>(words, "refused events");
  memory.suspects = region.array<std::uint64_t>(words, "suspect events");
  // Never touched: what the library takes comes from the heap, and belongs into the sum.
  region.bytes(net::kafka_heap_bytes(settings.producer), "librdkafka: its heap");
  region.handles(1 + brokers_max * handles_of_broker);
  constexpr std::size_t tasks = 6, frame_bytes = 1024;
  region.frames(tasks, frame_bytes);
  return memory;
}

KafkaSink::KafkaSink(pipeline::SinkContext& context, const KafkaSinkSettings& settings,
                     const KafkaMemory& memory)
    : context_(context),
      settings_(settings),
      settled_(memory.settled),
      refused_(memory.refused),
      suspects_(memory.suspects) {}

Task<pipeline::Started> KafkaSink::start() {
  net::KafkaLibrary* library = context_.network.kafka;
  if (library == nullptr)
    co_return problem(concat(context_.name, ": there is no kafka library on this platform"));
  auto opened = library->open(settings_.producer);
  if (!opened) {
    Problem why = std::move(opened.error());
    why.text = concat(context_.name, ": ", why.text);
    co_return tl::unexpected(std::move(why));
  }
  producer_ = std::move(*opened);
  co_return pipeline::Started();
}

// Nothing is under way: a delivery ends when all is reported, or gives it up.
Task<void> KafkaSink::shut() {
  RUNNEL_ASSERT(under_way_ == 0);
  if (!keeper_) co_return;
  keeper_->cancel();
  co_await keeper_->join();
}

// --- delivering ----------------------------------------------------------------------------------

Task<Delivery> KafkaSink::deliver(const Frame& frame) {
  if (!keeper_) {
    async::Scope& runner = *co_await async::current_scope();
    keeper_.emplace(runner, context_.name);
    keeper_->spawn(keep_reading());
  }
  begin(frame);
  // What an earlier attempt has left has room until somebody has read what became of it.
  take_reports();
  Status status;
  if (producer_->is_broken()) {
    const std::string_view why = producer_->complaint();
    log_warn(context_.name, "the producer is replaced", why.empty() ? "" : ": ", why);
    status = producer_->renew();
  }
  alone_ = false;
  if (status) status = co_await send(frame, settings_.producer.messages_max);
  alone_ = true;
  if (status && suspects_.count() > 0) {
    if (alone_complaint_.due(context_.now()))
      log_warn(context_.name, "brokers refuse whole batches; their events go one by one, which is ",
               "slow: compare message_max_bytes with the topic's max.message.bytes");
    status = co_await send(frame, 1);
  }
  if (!status) co_return failed(status.error());
  RUNNEL_ASSERT(settled_.count() == frame.events && under_way_ == 0);
  begun_ = false;
  producer_->forget_complaint();
  Delivery delivery;
  delivery.refused_events = refused_.count();
  if (delivery.refused_events > 0) {
    delivery.error = Error::refused;
    delivery.reason = refusal_.text();
    delivery.which_refused = refused_.bits();
  }
  co_return delivery;
}

void KafkaSink::begin(const Frame& frame) {
  RUNNEL_ASSERT(frame.ends.size() == frame.events);
  if (!begun_ || !(frame.id == id_) || settled_.events() != frame.events) {
    settled_.begin(frame.events);
    refused_.begin(frame.events);
    suspects_.begin(frame.events);
  }
  begun_ = true;
  id_ = frame.id;
  frame_ = &frame;
  next_attempt();
  under_way_ = 0;
  failure_ = Error::none;
  reason_.clear();
}

// What is reported of an earlier one means nothing any more.
void KafkaSink::next_attempt() { attempt_ = (attempt_ + 1) % attempts; }

// Between deliveries nobody reads what the library tells of its brokers, and it keeps all of it.
Task<void> KafkaSink::keep_reading() {
  for (;;) {
    const Status slept = co_await async::sleep_until(after(context_.now(), reading_interval));
    if (!slept) co_return;
    if (under_way_ == 0) take_reports();
  }
}

Delivery KafkaSink::failed(Error error) {
  // Cut short, or nothing was heard for too long: what is under way is not waited for, and when it
  // is reported this attempt is over.
  if (under_way_ > 0) {
    producer_->give_up();
    if (reason_.size() == 0) reason_ << under_way_ << " messages were not acknowledged";
    under_way_ = 0;
  }
  next_attempt();
  if (!producer_->complaint().empty()) {
    if (reason_.size() > 0) reason_ << "; ";
    reason_ << producer_->complaint().substr(0, 200);
  }
  Delivery delivery;
  delivery.outcome = Delivery::Outcome::retry;
  delivery.error = error;
  delivery.reason = reason_.text();
  return delivery;
}

// All that nobody has taken or refused, at most `window` under way at a time. After a failure
// nothing more is begun, and what is under way is waited for: then nothing comes late.
Task<Status> KafkaSink::send(const Frame& frame, std::uint32_t window) {
  next_ = 0;
  for (;;) {
    const bool more = fill(frame, window);
    if (more) {
      co_await async::yield();
      continue;
    }
    if (under_way_ == 0) co_return failure_;
    const Status came = co_await await_reports();
    if (!came) co_return came;
  }
}

// True: there is more to be sent, and room for it.
bool KafkaSink::fill(const Frame& frame, std::uint32_t window) {
  for (std::uint32_t count = 0; count < messages_a_turn; ++next_) {
    if (failure_ != Error::none || next_ == frame.events || under_way_ >= window) return false;
    if (settled_.has(next_) || suspects_.has(next_) != alone_) continue;
    if (!send_one(frame, next_)) return false;
    ++count;
  }
  return true;
}

// False: not now.
bool KafkaSink::send_one(const Frame& frame, std::uint32_t event) {
  const std::size_t begin = begin_of(frame, event);
  net::KafkaMessage message =
      KafkaFormat::read(frame.plain.subspan(begin, frame.ends[event] - begin));
  message.tag = attempt_ << event_bits | event;
  const Status sent = producer_->send(message);
  if (sent) {
    ++under_way_;
  } else if (sent.error() == Error::too_large) {
    refuse(event, "it is larger than message_max_bytes");
  } else if (sent.error() != Error::no_room || under_way_ == 0) {
    fail(sent.error(), event, "cannot be sent");
  } else {
    return false;
  }
  return true;
}

// --- reports -------------------------------------------------------------------------------------

// Until there is at least one of this attempt.
Task<Status> KafkaSink::await_reports() {
  const std::uint32_t before = under_way_;
  const Instant deadline = after(context_.now(), settings_.producer.message_timeout + patience);
  take_reports();
  while (under_way_ == before) {
    const Status ready = co_await async::ready(producer_->watched(), deadline);
    if (!ready) co_return ready;
    take_reports();
  }
  co_return Status();
}

void KafkaSink::take_reports() {
  while (const auto report = producer_->take_report()) take(*report);
}

void KafkaSink::take(const KafkaReport& report) {
  if (report.tag >> event_bits != attempt_) return;
  const std::uint32_t event = report.tag & events_mask;
  RUNNEL_ASSERT(under_way_ > 0 && frame_ != nullptr && event < frame_->events);
  --under_way_;
  switch (report.verdict) {
    case KafkaReport::Verdict::delivered:
      return settled_.add(event);
    case KafkaReport::Verdict::failed:
      return fail(report.error, event, report.reason);
    case KafkaReport::Verdict::refused:
      return refuse(event, report.reason);
    case KafkaReport::Verdict::refused_batch:
      return alone_ ? refuse(event, report.reason) : suspects_.add(event);
  }
}

std::string_view KafkaSink::topic_of(std::uint32_t event) const {
  const std::size_t begin = begin_of(*frame_, event);
  return KafkaFormat::read(frame_->plain.subspan(begin, frame_->ends[event] - begin)).topic;
}

void KafkaSink::refuse(std::uint32_t event, std::string_view why) {
  settled_.add(event);
  refused_.add(event);
  refusal_.clear();
  refusal_ << "topic " << topic_of(event) << ": " << why;
}

// The first failure of an attempt is the one that is told.
void KafkaSink::fail(Error error, std::uint32_t event, std::string_view why) {
  if (failure_ != Error::none) return;
  failure_ = error;
  reason_ << "topic " << topic_of(event) << ": " << why;
}

}  // namespace runnel::sinks
