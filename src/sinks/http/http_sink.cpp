#include "sinks/http/http_sink.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::Delivery;
using pipeline::Frame;

namespace {

// What a destination may ask for at most: an hour of silence is enough of a rest.
constexpr Duration retry_after_max = std::chrono::hours(1);

}  // namespace

Verdict verdict_of(std::uint16_t status) {
  if (status >= 200 && status < 300) return Verdict::delivered;
  switch (status) {
    case 413:
      return Verdict::too_large;
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
    case 408:
    case 425:
    case 429:
      return Verdict::again;
    default:
      return status >= 400 && status < 500 ? Verdict::refused : Verdict::again;
  }
}

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
  head_.clear();
  codec::http::HeadWriter head(head_);
  head.request(settings_.method, settings_.url.target, settings_.url.authority);
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
  co_return delivery_of(reply);
}

Task<Result<HttpReply>> HttpSink::post(const Frame& frame) {
  if (const Status written = write_head(frame); !written) co_return fail(written.error());
  if (!uplink_.is_alive()) {
    uplink_.close();
    const Status opened = co_await uplink_.open(settings_.url.endpoint);
    if (!opened) co_return fail(opened.error());
  }
  const auto reply = co_await exchange_.run(head_.text(), frame.wire);
  co_return reply;
}

Delivery HttpSink::delivery_of(const Result<HttpReply>& reply) {
  Delivery delivery;
  const Verdict verdict = reply ? verdict_of(reply->status) : Verdict::again;
  if (verdict == Verdict::delivered) return delivery;
  reason_.clear();
  reason_ << settings_.url.endpoint;
  if (reply) reason_ << " answers " << reply->text;
  if (!reply && !uplink_.reason().empty()) reason_ << ": " << uplink_.reason();
  delivery.reason = reason_.text();
  delivery.error = reply ? Error::refused : reply.error();
  switch (verdict) {
    case Verdict::too_large:
      delivery.outcome = Delivery::Outcome::too_large;
      break;
    case Verdict::refused:
      delivery.outcome = Delivery::Outcome::refused;
      break;
    default:
      delivery.outcome = Delivery::Outcome::retry;
      if (reply) delivery.retry_after = std::min(reply->retry_after, retry_after_max);
  }
  return delivery;
}

}  // namespace runnel::sinks
