#include "sinks/http/http_sink.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::Delivery;
using pipeline::Frame;

namespace {

// What a destination may ask for at most: an hour of silence is enough of a rest.
constexpr Duration retry_after_max = std::chrono::hours(1);

}  // namespace

HttpMemory HttpSink::carve(Region& region, const HttpSettings& settings) {
  constexpr std::size_t frame_bytes = 1024;
  region.frames(4, frame_bytes);  // start, deliver, post, shut
  const UplinkMemory uplink = Uplink::carve(region, settings.uplink);
  return {uplink, HttpExchange::carve(region)};
}

HttpSink::HttpSink(pipeline::SinkContext& context, const HttpSettings& settings,
                   const HttpMemory& memory)
    : settings_(settings),
      uplink_(context, settings.uplink, memory.uplink),
      exchange_(context, uplink_, memory.answer) {}

Task<pipeline::Started> HttpSink::start() { co_return uplink_.start(); }

Task<void> HttpSink::shut() { co_await uplink_.end(); }

Status HttpSink::write_head(const Frame& frame) {
  target_.clear();
  target_ << settings_.url.target;
  end_target(frame, target_);
  if (target_.cut()) return Error::too_large;
  head_.clear();
  codec::http::HeadWriter head(head_);
  head.request(settings_.method, target_.text(), settings_.url.authority);
  head.field("Content-Type", settings_.content_type);
  head.field("Content-Length", std::uint64_t{frame.wire.size()});
  if (settings_.codec != codec::Codec::none)
    head.field("Content-Encoding", codec::name_of(settings_.codec));
  Text<pipeline::BatchId::text_bytes_max> id;
  frame.id.write(id);
  head.field("X-Runnel-Batch", id.text());
  if (!settings_.authorization.empty()) head.field("Authorization", settings_.authorization);
  head_ << settings_.fields;
  return head.end();
}

Task<Delivery> HttpSink::deliver(const Frame& frame) {
  const auto reply = co_await post(frame);
  if (!reply) co_return delivery_of(reply.error());
  const Judgement judgement = judge(*reply, frame);
  co_return delivery_of(*reply, judgement);
}

Task<Result<HttpReply>> HttpSink::post(const Frame& frame) {
  if (const Status written = write_head(frame); !written) co_return fail(written.error());
  if (!uplink_.is_alive()) {
    uplink_.close();
    const Status opened = co_await uplink_.open(settings_.url.endpoint);
    if (!opened) co_return fail(opened.error());
  }
  const auto reply = co_await exchange_.run(head_.text(), frame.wire, answer_reader());
  co_return reply;
}

Delivery HttpSink::delivery_of(const HttpReply& reply, const Judgement& judgement) {
  Delivery delivery;
  delivery.refused_events = judgement.refused_events;
  if (judgement.verdict == Verdict::delivered && judgement.refused_events == 0) return delivery;
  reason_.clear();
  reason_ << settings_.url.endpoint << " answers "
          << (judgement.reason.empty() ? reply.text : judgement.reason);
  delivery.reason = reason_.text();
  delivery.error = Error::refused;
  switch (judgement.verdict) {
    case Verdict::delivered:
      break;
    case Verdict::too_large:
      delivery.outcome = Delivery::Outcome::too_large;
      break;
    case Verdict::poisoned:
      delivery.outcome = Delivery::Outcome::poisoned;
      break;
    case Verdict::refused:
      delivery.outcome = Delivery::Outcome::refused;
      break;
    case Verdict::again:
      delivery.outcome = Delivery::Outcome::retry;
      delivery.retry_after = std::min(reply.retry_after, retry_after_max);
  }
  return delivery;
}

Delivery HttpSink::delivery_of(Error error) {
  reason_.clear();
  reason_ << settings_.url.endpoint;
  if (!uplink_.reason().empty()) reason_ << ": " << uplink_.reason();
  return {.outcome = Delivery::Outcome::retry, .error = error, .reason = reason_.text()};
}

}  // namespace runnel::sinks
