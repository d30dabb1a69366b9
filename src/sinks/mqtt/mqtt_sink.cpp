#include "sinks/mqtt/mqtt_sink.hpp"

#include <algorithm>
#include <utility>

namespace runnel::sinks {

using async::Task;
using codec::mqtt::Reason;
using pipeline::Delivery;
using pipeline::Frame;

namespace {

constexpr std::size_t outgoing_bytes = 32 * 1024;
static_assert(outgoing_bytes >=
              codec::mqtt::publish_head_bytes_max(TopicTemplate::topic_bytes_max));

Bytes message_of(const Frame& frame, std::uint32_t index) {
  const std::size_t begin = index == 0 ? 0 : frame.ends[index - 1];
  return frame.plain.subspan(begin, frame.ends[index] - begin);
}

// MQTT 5 section 3.4.2.1: what may be taken later. Everything else that fails, fails for good.
bool is_temporary(Reason reason) {
  return reason == Reason::quota_exceeded || reason == Reason::packet_identifier_in_use;
}

}  // namespace

MqttMemory MqttSink::carve(Region& region, const MqttSettings& settings) {
  MqttMemory memory;
  memory.flight = FlightMemory::carve(region, settings.window, settings.batch_events_max);
  memory.session = MqttSessionMemory::carve(region, settings);
  memory.outgoing = region.bytes(outgoing_bytes, "messages to be sent");
  constexpr std::size_t frame_bytes = 1024;
  region.frames(6, frame_bytes);  // deliver, send, send_acknowledged, send_ready, send_large; shut
  return memory;
}

MqttSink::MqttSink(pipeline::SinkContext& context, const MqttSettings& settings,
                   const MqttMemory& memory)
    : settings_(settings),
      outgoing_(memory.outgoing),
      flight_(memory.flight),
      session_(context, settings, *this, memory.session) {}

Task<pipeline::Started> MqttSink::start() { co_return session_.start(); }

Task<void> MqttSink::shut() { co_await session_.leave(); }

Task<Delivery> MqttSink::deliver(const Frame& frame) {
  Delivery delivery;
  if (frame.events == 0) co_return delivery;
  const Status sent = co_await send(frame);
  if (!sent) {
    const bool asked_to_wait = put_back_ && sent.error() == Error::refused;
    if (!asked_to_wait) co_await session_.close();
    delivery.outcome = Delivery::Outcome::retry;
    delivery.error = sent.error();
    delivery.reason = asked_to_wait ? refusal_.text() : session_.reason();
    co_return delivery;
  }
  delivery.refused_events = std::exchange(refused_, 0);
  if (delivery.refused_events > 0) {
    delivery.error = Error::refused;
    delivery.reason = refusal_.text();
  }
  co_return delivery;
}

Task<Status> MqttSink::send(const Frame& frame) {
  put_back_ = false;
  if (!session_.is_open()) {
    co_await session_.close();
    const Status opened = co_await session_.open();
    if (!opened) co_return opened;
    const std::uint16_t window = std::min(settings_.window, session_.limits().receive_maximum);
    flight_.connected(session_.session_present(), window);
  }
  if (settings_.qos == 0) {
    const Status sent = co_await send_unacknowledged(frame);
    co_return sent;
  }
  const bool begins = flight_.begin(frame.id, frame.events);
  if (begins) refused_ = 0;
  flight_.begin_again();
  const Status sent = co_await send_acknowledged(frame);
  co_return sent;
}

// --- QoS 0 ---------------------------------------------------------------------------------------

// Stretches between the messages that are too large for the server.
Task<Status> MqttSink::send_unacknowledged(const Frame& frame) {
  refused_ = 0;
  std::size_t begin = 0;
  for (std::uint32_t index = 0; index < frame.events; ++index) {
    const Bytes message = message_of(frame, index);
    const bool too_large = is_too_large(message);
    if (!too_large && index + 1 < frame.events) continue;
    const std::size_t end = too_large ? frame.ends[index] - message.size() : frame.ends[index];
    const Bytes stretch = frame.plain.subspan(begin, end - begin);
    begin = frame.ends[index];
    if (too_large) note_too_large();
    if (stretch.empty()) continue;
    const Status written = co_await session_.write(stretch);
    if (!written) co_return written;
  }
  const Status acknowledged = co_await session_.acknowledged();
  co_return acknowledged;
}

// --- QoS 1 ---------------------------------------------------------------------------------------

Task<Status> MqttSink::send_acknowledged(const Frame& frame) {
  for (;;) {
    // What comes from here on is news, also while it is being sent: nothing is waited for twice.
    const std::uint64_t heard = session_.heard();
    const Status sent = co_await send_ready(frame);
    if (!sent) co_return sent;
    if (flight_.all_settled()) co_return Status();
    if (flight_.on_their_way() == 0) {
      // The rest was put back: now, or over an earlier connection.
      if (put_back_) co_return Error::refused;
      flight_.begin_again();
      continue;
    }
    const Status came = co_await session_.progress(heard);
    if (!came) co_return came;
  }
}

// As much as the window lets out, in as few writes as there is room for. Answers come meanwhile.
Task<Status> MqttSink::send_ready(const Frame& frame) {
  std::size_t filled = 0;
  Status status;
  while (status) {
    const auto next = flight_.next();
    if (!next) break;
    const Bytes message = message_of(frame, next->message);
    if (is_too_large(message)) {
      note_too_large();
      flight_.settle(next->packet_id);
      continue;
    }
    if (filled > 0 && message.size() > outgoing_.size() - filled) {
      status = co_await session_.write(outgoing_.first(filled));
      filled = 0;
    }
    if (message.size() > outgoing_.size()) {
      if (status) status = co_await send_large(message, *next);
      continue;
    }
    const MutableBytes place = outgoing_.subspan(filled, message.size());
    put_bytes(place.data(), message);
    codec::mqtt::renumber_publish(place, next->packet_id, next->duplicate);
    filled += message.size();
  }
  if (status && filled > 0) status = co_await session_.write(outgoing_.first(filled));
  co_return status;
}

// Only its head is copied.
Task<Status> MqttSink::send_large(Bytes message, Flight::Outgoing next) {
  const std::size_t head_bytes = codec::mqtt::publish_bytes_to_id(message);
  const MutableBytes head = outgoing_.first(head_bytes);
  put_bytes(head.data(), message.first(head_bytes));
  codec::mqtt::renumber_publish(head, next.packet_id, next.duplicate);
  const Status written = co_await session_.write(head, message.subspan(head_bytes));
  co_return written;
}

Status MqttSink::answered(const codec::mqtt::Puback& puback) {
  const auto message = flight_.waiting(puback.packet_id);
  if (!message) return message.error();
  if (codec::mqtt::is_failure(puback.reason)) {
    note_refusal(codec::mqtt::describe(puback.reason), puback.reason_text);
    if (is_temporary(puback.reason)) {
      put_back_ = true;
      flight_.put_back(puback.packet_id);
      return {};
    }
    ++refused_;
  }
  flight_.settle(puback.packet_id);
  return {};
}

void MqttSink::note_too_large() {
  ++refused_;
  note_refusal("a message is larger than the server's Maximum Packet Size", {});
}

void MqttSink::note_refusal(std::string_view why, std::string_view words) {
  refusal_.clear();
  refusal_ << settings_.endpoint << ": " << why;
  if (!words.empty()) refusal_ << " (" << words.substr(0, 128) << ')';
}

}  // namespace runnel::sinks
