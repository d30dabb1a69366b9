#include "sinks/nats/nats_sink.hpp"

#include <algorithm>
#include <array>

namespace runnel::sinks {

using async::Task;
using codec::NatsOperation;
using codec::NatsPublish;
using pipeline::Delivery;
using pipeline::Frame;

namespace {

constexpr std::size_t outgoing_bytes = 32 * 1024;
// What this connection cannot do another one may: a server that was cut off from its cluster.
constexpr std::uint32_t failures_until_next_server = 3;

std::uint64_t random_number(io::System& system) {
  std::array<std::byte, 8> bytes;
  system.entropy(bytes);
  return load<std::uint64_t>(bytes.data());
}

std::span<char> as_characters(MutableBytes bytes) {
  return {reinterpret_cast<char*>(bytes.data()), bytes.size()};
}

struct EventParts {
  std::string_view subject;
  Bytes payload;
};

// NatsFormat: subject, a space, payload.
EventParts parts_of(const Frame& frame, std::uint32_t event) {
  const std::uint32_t begin = event == 0 ? 0 : frame.ends[event - 1];
  const Bytes whole = frame.plain.subspan(begin, frame.ends[event] - begin);
  const std::size_t space = as_text(whole).find(' ');
  RUNNEL_ASSERT(space != std::string_view::npos);
  return {as_text(whole.first(space)), whole.subspan(space + 1)};
}

}  // namespace

NatsMemory NatsSink::carve(Region& region, const NatsSettings& settings) {
  NatsMemory memory;
  memory.connection = NatsConnection::carve(region, settings);
  memory.outgoing = region.bytes(outgoing_bytes, "nats send buffer");
  memory.settled =
      region.array<std::uint64_t>(EventSet::words_for(settings.events_max), "acknowledged events");
  memory.window = region.array<PublishWindow::Slot>(settings.window, "publishes under way");
  constexpr std::size_t tasks = 8, frame_bytes = 1024;
  region.frames(tasks, frame_bytes);
  return memory;
}

NatsSink::NatsSink(pipeline::SinkContext& context, const NatsSettings& settings,
                   const NatsMemory& memory)
    : context_(context),
      settings_(settings),
      servers_(settings.servers, random_number(context.system)),
      connection_(context, settings, memory.connection, servers_, *this),
      outgoing_(as_characters(memory.outgoing)),
      settled_(memory.settled),
      window_(memory.window) {
  inbox_ << "_INBOX." << random_number(context.system) << random_number(context.system);
}

// --- delivering ----------------------------------------------------------------------------------

Task<Delivery> NatsSink::deliver(const Frame& frame) {
  begin(frame);
  Status status = co_await make_ready();
  if (status) status = co_await publish(frame);
  // Cut short, what is on its way could be taken for the next attempt's: half a message, a PONG.
  const bool cut_short = !status;
  if (status && failure_ != Error::none) status = failure_;
  if (!status) {
    ++failures_;
    const bool useless = cut_short || connection_.broken() != Error::none ||
                         window_.pending() > 0 || failures_ >= failures_until_next_server;
    const Delivery delivery = failed(status.error());
    if (!connection_.is_open() || useless) {
      co_await connection_.close();
      servers_.advance();
    }
    co_return delivery;
  }
  RUNNEL_ASSERT(!settings_.jetstream || settled_.count() == frame.events);
  failures_ = 0;
  begun_ = false;
  Delivery delivery;
  delivery.refused_events = refused_;
  if (refused_ > 0) {
    delivery.error = Error::refused;
    delivery.reason = refusal_.text();
  }
  co_return delivery;
}

Task<void> NatsSink::shut() { co_await connection_.close(); }

void NatsSink::begin(const Frame& frame) {
  RUNNEL_ASSERT(frame.ends.size() == frame.events);
  if (!begun_ || !(frame.id == id_) || settled_.events() != frame.events) {
    settled_.begin(frame.events);
    refused_ = 0;
  }
  begun_ = true;
  frame_ = &frame;
  id_ = frame.id;
  next_ = 0;
  failure_ = Error::none;
  reason_.clear();
  outgoing_.clear();
}

Task<Status> NatsSink::make_ready() {
  if (connection_.is_open()) {
    if (connection_.broken() == Error::none && !connection_.leaving()) {
      connection_.forget_complaint();
      co_return Status();
    }
    co_await connection_.close();
    servers_.advance();
  }
  window_.forget();
  failures_ = 0;
  const Status opened = co_await connection_.open(inbox_.text());
  co_return opened;
}

Delivery NatsSink::failed(Error error) {
  if (reason_.size() == 0) {
    reason_ << servers_.current();
    if (!connection_.reason().empty()) reason_ << ": " << connection_.reason();
    if (connection_.complained()) reason_ << " says: " << connection_.complaint();
    if (error == Error::timed_out && window_.pending() > 0)
      reason_ << ": " << window_.pending() << " publishes were not acknowledged";
  }
  Delivery delivery;
  delivery.outcome = Delivery::Outcome::retry;
  delivery.error = error;
  delivery.reason = reason_.text();
  return delivery;
}

// --- publishing ----------------------------------------------------------------------------------

Task<Status> NatsSink::publish(const Frame& frame) {
  for (;;) {
    const Status filled = co_await fill(frame);
    if (!filled) co_return filled;
    if (!settings_.jetstream) break;
    if (window_.pending() == 0 && !may_publish(frame)) co_return Status();
    const Status waited = co_await await_answers(frame);
    if (!waited) co_return waited;
  }
  const Status flushed = co_await await_pong();
  co_return flushed;
}

// As many as the window takes, of those that nobody has acknowledged.
Task<Status> NatsSink::fill(const Frame& frame) {
  for (; may_publish(frame); ++next_) {
    if (settled_.has(next_)) continue;
    if (settings_.jetstream && !window_.has_room()) break;
    const EventParts parts = parts_of(frame, next_);
    Text<pipeline::BatchId::text_bytes_max + 12> id;
    frame.id.write(id);
    id << '/' << next_;
    NatsPublish publish;
    publish.subject = parts.subject;
    publish.payload = parts.payload;
    if (connection_.takes_headers()) publish.message_id = id.text();
    if (codec::nats_payload_bytes(publish) > connection_.max_payload()) {
      refuse("it is larger than the server's max_payload", parts.subject);
      settled_.add(next_);
      continue;
    }
    Text<96> reply;
    if (settings_.jetstream) {
      reply << inbox_.text() << '.' << window_.publish(next_);
      publish.reply = reply.text();
    }
    const Status written = co_await publish_one(publish);
    if (!written) co_return written;
  }
  const Status sent = co_await send_outgoing();
  co_return sent;
}

Task<Status> NatsSink::publish_one(const NatsPublish& publish) {
  const std::size_t bytes = codec::nats_publish_bytes(publish);
  if (bytes > outgoing_.room()) {
    const Status sent = co_await send_outgoing();
    if (!sent) co_return sent;
  }
  codec::write_nats_publish_head(outgoing_, publish);
  if (bytes <= outgoing_bytes) {
    outgoing_ << as_text(publish.payload) << codec::nats_line_end;
    co_return Status();
  }
  const Status head = co_await send_outgoing();
  if (!head) co_return head;
  const Status payload = co_await connection_.write(publish.payload);
  outgoing_ << codec::nats_line_end;
  co_return payload;
}

Task<Status> NatsSink::send_outgoing() {
  RUNNEL_ASSERT(!outgoing_.cut());
  if (outgoing_.size() == 0) co_return Status();
  const Status sent = co_await connection_.write(as_bytes(outgoing_.text()));
  outgoing_.clear();
  co_return sent;
}

// Until there is something to do again: a quarter of the window is free, or all is answered.
Task<Status> NatsSink::await_answers(const Frame& frame) {
  const std::size_t enough = settings_.window - settings_.window / 4;
  std::size_t before = window_.pending();
  Instant deadline = after(context_.now(), settings_.uplink.reply_timeout);
  while (window_.pending() > 0 && connection_.broken() == Error::none) {
    if (may_publish(frame) && window_.has_room() && window_.pending() <= enough) break;
    const Status rang = co_await connection_.changed().wait(deadline);
    if (!rang) co_return rang;
    // What it complains about it does not acknowledge.
    if (connection_.complained()) co_return Error::refused;
    if (window_.pending() < before)
      deadline = after(context_.now(), settings_.uplink.reply_timeout);
    before = window_.pending();
  }
  co_return connection_.broken();
}

// The only acknowledgement that there is without JetStream.
Task<Status> NatsSink::await_pong() {
  const std::uint64_t before = connection_.pongs();
  const Status written = co_await connection_.write(as_bytes(codec::nats_ping));
  if (!written) co_return written;
  const Instant deadline = after(context_.now(), settings_.uplink.reply_timeout);
  while (connection_.pongs() == before) {
    if (connection_.broken() != Error::none) co_return connection_.broken();
    const Status rang = co_await connection_.changed().wait(deadline);
    if (!rang) co_return rang;
  }
  if (connection_.complained()) fail(Error::refused);
  co_return Status();
}

// --- answers -------------------------------------------------------------------------------------

void NatsSink::receive(const NatsOperation& message) {
  const auto dot = message.subject.rfind('.');
  const auto serial = parse_number(message.subject.substr(dot + 1));
  if (!serial) return;
  if (const auto event = window_.answer(*serial)) answered(*event, message);
}

void NatsSink::answered(std::uint32_t event, const NatsOperation& message) {
  if (message.status != 0) {
    if (reason_.size() == 0 && message.status == 503)
      reason_ << servers_.current() << ": no stream takes subject "
              << parts_of(*frame_, event).subject;
    fail(Error::not_found);
    return;
  }
  const auto ack = codec::parse_nats_publish_ack(as_text(message.payload));
  if (!ack) {
    fail(Error::malformed);
  } else if (ack->accepted) {
    settled_.add(event);
    failures_ = 0;
  } else if (ack->refused_for_good()) {
    refuse(ack->description, ack->stream);
    settled_.add(event);
  } else {
    if (reason_.size() == 0)
      reason_ << servers_.current() << ": stream " << ack->stream << ": " << ack->description;
    fail(Error::refused);
  }
}

// The first failure of an attempt is the one that is told.
void NatsSink::fail(Error error) {
  if (failure_ == Error::none) failure_ = error;
}

void NatsSink::refuse(std::string_view why, std::string_view where) {
  ++refused_;
  refusal_.clear();
  refusal_ << where << ": " << why;
}

}  // namespace runnel::sinks
