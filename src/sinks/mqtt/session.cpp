#include "sinks/mqtt/session.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "base/fnv.hpp"
#include "codec/mqtt/encode.hpp"

namespace runnel::sinks {

using async::Task;
using codec::mqtt::Connect;
using codec::mqtt::Packet;
using codec::mqtt::PacketReader;
using codec::mqtt::PacketType;
using codec::mqtt::Reason;
using codec::mqtt::Version;

namespace {

// What a server may send: PUBACKs, and words for people behind them.
constexpr std::size_t received_bytes = 4096;
constexpr std::size_t hello_bytes =
    MqttSettings::client_id_bytes_max + MqttSettings::user_bytes_max +
    MqttSettings::password_bytes_max + MqttSettings::will_bytes_max +
    TopicTemplate::pattern_bytes_max + 64;
constexpr std::size_t words_bytes_max = 128;

// 64 bits of who this installation is and which of its sinks. At most 23 letters and digits are
// what every server of MQTT 3.1.1 takes (section 3.1.3.1).
void write_client_id(const pipeline::SinkContext& context, TextWriter& out) {
  const std::uint64_t hash =
      Fnv().add(Bytes(context.identity.instance)).add(std::string_view(context.name)).value();
  out << "runnel";
  for (int shift = 60; shift >= 0; shift -= 4)
    out << "0123456789abcdef"[static_cast<std::size_t>(hash >> shift & 15)];
}

Error error_of(Reason reason) {
  switch (reason) {
    case Reason::bad_user_name_or_password:
    case Reason::not_authorized:
    case Reason::banned:
      return Error::access;
    case Reason::unsupported_protocol_version:
      return Error::unsupported;
    default:
      return Error::refused;
  }
}

// The server's own words, if it has any.
struct Words {
  std::string_view text;
};
TextWriter& operator<<(TextWriter& out, const Words& words) {
  if (words.text.empty()) return out;
  return out << " (" << words.text.substr(0, words_bytes_max) << ')';
}

}  // namespace

MqttSessionMemory MqttSessionMemory::carve(Region& region, const MqttSettings& settings) {
  MqttSessionMemory memory;
  memory.received = region.bytes(received_bytes, "packets received");
  memory.hello = region.bytes(hello_bytes, "connect packet");
  constexpr std::size_t frame_bytes = 1024;
  region.frames(10, frame_bytes);  // open to first packet, attending to its ping, write, progress
  if (!settings.password_file.empty())
    memory.password = region.bytes(MqttSettings::password_bytes_max, "password");
  memory.uplink = Uplink::carve(region, settings.uplink);
  return memory;
}

MqttSession::MqttSession(pipeline::SinkContext& context, const MqttSettings& settings,
                         MqttAnswers& answers, const MqttSessionMemory& memory)
    : context_(context),
      settings_(settings),
      answers_(answers),
      memory_(memory),
      uplink_(context, settings.uplink, memory.uplink),
      reader_(memory.received),
      password_(settings.password) {}

pipeline::Started MqttSession::start() {
  // An identity that does not last would leave a session behind at every start.
  const bool lasting = *context_.state_dir != '\0' || !settings_.client_id.empty();
  clean_ = settings_.clean || !lasting;
  write_client_id(context_, client_id_);
  if (settings_.password_file.empty()) return uplink_.start();
  auto read =
      context_.system.read_file(settings_.password_file.c_str(), MqttSettings::password_bytes_max);
  if (!read)
    return problem(concat(context_.name, ": cannot read password_file \"", settings_.password_file,
                          "\": ", describe(read.error())));
  while (read->ends_with('\n') || read->ends_with('\r')) read->pop_back();
  put_bytes(memory_.password.data(), as_bytes(*read));
  password_ = as_text(memory_.password.first(read->size()));
  return uplink_.start();
}

// --- connecting ----------------------------------------------------------------------------------

Task<Status> MqttSession::open() {
  RUNNEL_ASSERT(!attending_);
  lost_.reset();
  reader_.reset();
  pong_until_ = never;
  explain("cannot connect");
  Status status = co_await uplink_.open(settings_.endpoint);
  if (status) status = co_await greet();
  if (!status) {
    if (!uplink_.reason().empty()) explain(uplink_.reason());
    uplink_.close();
    co_return status;
  }
  async::Scope& runner = *co_await async::current_scope();
  attending_.emplace(runner, context_.name);
  attending_->spawn(attend());
  co_return status;
}

Result<std::size_t> MqttSession::write_hello() {
  Connect connect;
  connect.version = settings_.version;
  connect.client_id = settings_.client_id.empty() ? client_id_.text() : settings_.client_id;
  connect.clean = clean_;
  connect.keep_alive_s = settings_.keep_alive_s;
  if (!settings_.will_topic.empty())
    connect.will = codec::mqtt::Will{.topic = settings_.will_topic,
                                     .payload = as_bytes(settings_.will_payload),
                                     .qos = settings_.will_qos,
                                     .retain = settings_.will_retain,
                                     .delay_s = settings_.will_delay_s};
  if (!settings_.user.empty()) connect.user = settings_.user;
  if (!password_.empty()) connect.password = password_;
  connect.session_expiry_s = clean_ ? 0 : settings_.session_expiry_s;
  connect.packet_bytes_max = static_cast<std::uint32_t>(memory_.received.size());
  return codec::mqtt::write_connect(connect, memory_.hello);
}

Task<Status> MqttSession::greet() {
  explain("no answer to CONNECT");
  const auto size = write_hello();
  // Checked when it was configured.
  RUNNEL_ASSERT(size.has_value());
  const Status written = co_await uplink_.write(memory_.hello.first(*size));
  if (!written) co_return written;
  last_sent_ = context_.now();
  const auto packet = co_await first_packet(uplink_.reply_deadline());
  if (!packet) co_return packet.error();
  co_return take_connack(*packet);
}

Task<Result<Packet>> MqttSession::first_packet(Instant deadline) {
  for (;;) {
    const auto step = reader_.next();
    if (step.kind == PacketReader::Step::Kind::packet) co_return step.packet;
    if (step.kind == PacketReader::Step::Kind::broken) {
      explain("what answers does not speak MQTT");
      co_return fail(step.error);
    }
    const auto received = co_await uplink_.read(reader_.room(), deadline);
    if (!received) co_return fail(received.error());
    reader_.filled(*received);
  }
}

Status MqttSession::take_connack(const Packet& packet) {
  explain("the server breaks the protocol");
  if (packet.type != PacketType::connack) return Error::malformed;
  const auto connack = codec::mqtt::read_connack(packet, settings_.version);
  if (!connack) return connack.error();
  if (connack->reason != Reason::success) {
    explain("the server refuses: ", codec::mqtt::describe(connack->reason),
            Words{connack->reason_text});
    return error_of(connack->reason);
  }
  if (connack->limits.maximum_qos < settings_.qos) {
    explain("the server takes QoS 0 only: set qos = 0");
    return Error::unsupported;
  }
  if (settings_.retain && !connack->limits.retain_available) {
    explain("the server keeps no retained messages: set retain = false");
    return Error::unsupported;
  }
  session_present_ = connack->session_present;
  limits_ = connack->limits;
  keep_alive_ = std::chrono::seconds(connack->keep_alive_s.value_or(settings_.keep_alive_s));
  return {};
}

Task<void> MqttSession::close() {
  co_await stop_attending();
  uplink_.close();
}

Task<void> MqttSession::stop_attending() {
  if (!attending_) co_return;
  attending_->cancel();
  co_await attending_->join();
  attending_.reset();
}

Task<void> MqttSession::leave() {
  if (is_open()) {
    std::byte packet[codec::mqtt::small_packet_bytes_max];
    const auto size =
        codec::mqtt::write_disconnect(Reason::success, settings_.version, MutableBytes(packet));
    const Bytes goodbye = Bytes(packet).first(*size);
    const Status written = co_await write(goodbye);
    (void)written;  // it ends either way
  }
  co_await stop_attending();
  co_await uplink_.end();
}

// --- sending -------------------------------------------------------------------------------------

Task<Status> MqttSession::write(Bytes bytes, Bytes more) {
  Status status = co_await writing_.enter();
  if (!status) co_return status;
  status = lost_ ? Status(*lost_) : Status();
  if (status) status = co_await uplink_.write(bytes);
  if (status && !more.empty()) status = co_await uplink_.write(more);
  if (status) last_sent_ = context_.now();
  writing_.leave();
  if (!status && !lost_) explain("cannot send");
  co_return status;
}

Task<Status> MqttSession::acknowledged() {
  Status status = co_await writing_.enter();
  if (!status) co_return status;
  status = lost_ ? Status(*lost_) : Status();
  if (status) status = co_await uplink_.acknowledged();
  writing_.leave();
  if (!status && !lost_) explain("what was sent is not acknowledged");
  co_return status;
}

Task<Status> MqttSession::progress(std::uint64_t heard) {
  if (lost_) co_return *lost_;
  if (heard != heard_) co_return Status();
  const Status rang = co_await news_.wait(uplink_.reply_deadline());
  if (rang && lost_) co_return *lost_;
  if (rang.error() == Error::timed_out) explain("messages are not acknowledged");
  co_return rang;
}

// --- attending: until the connection is lost, or the scope is cancelled --------------------------

Task<void> MqttSession::attend() {
  Status status;
  while (status) status = co_await attend_once();
  if (status.error() == Error::cancelled) co_return;
  lost_ = status.error();
  news_.ring();
  // Nobody may be writing when it is closed; who comes later sees that it is lost.
  const Status entered = co_await writing_.enter();
  if (!entered) co_return;
  uplink_.close();
  writing_.leave();
}

Instant MqttSession::ping_due() const {
  if (pong_until_ != never) return pong_until_;
  return keep_alive_ == Duration::zero() ? never : after(last_sent_, keep_alive_);
}

Task<Status> MqttSession::attend_once() {
  const Status taken = take_packets();
  if (!taken) co_return taken;
  const auto received = co_await uplink_.read(reader_.room(), ping_due());
  if (received) {
    reader_.filled(*received);
    co_return Status();
  }
  if (received.error() != Error::timed_out) {
    if (received.error() != Error::cancelled) explain("connection lost");
    co_return received.error();
  }
  if (context_.now() < ping_due()) co_return Status();
  if (pong_until_ != never) {
    explain("no answer to a ping");
    co_return Error::timed_out;
  }
  const Status pinged = co_await ping();
  co_return pinged;
}

Task<Status> MqttSession::ping() {
  std::byte packet[codec::mqtt::small_packet_bytes_max];
  const auto size = codec::mqtt::write_pingreq(MutableBytes(packet));
  const Bytes request = Bytes(packet).first(*size);
  const Status written = co_await write(request);
  if (written) pong_until_ = uplink_.reply_deadline();
  co_return written;
}

Status MqttSession::take_packets() {
  for (;;) {
    const auto step = reader_.next();
    if (step.kind == PacketReader::Step::Kind::need_more) return {};
    Status status = step.error;
    if (status) status = take(step.packet);
    if (!status) {
      if (status.error() == Error::malformed || status.error() == Error::too_large)
        explain("the server breaks the protocol");
      return status;
    }
  }
}

Status MqttSession::take(const Packet& packet) {
  switch (packet.type) {
    case PacketType::puback: {
      // Nothing else is progress: who answers pings may acknowledge nothing.
      ++heard_;
      news_.ring();
      const auto puback = codec::mqtt::read_puback(packet, settings_.version);
      return puback ? answers_.answered(*puback) : Status(puback.error());
    }
    case PacketType::pingresp:
      pong_until_ = never;
      return codec::mqtt::read_pingresp(packet);
    case PacketType::disconnect: {
      const auto disconnect = codec::mqtt::read_disconnect(packet, settings_.version);
      if (!disconnect) return disconnect.error();
      explain("the server ends the connection: ", codec::mqtt::describe(disconnect->reason),
              Words{disconnect->reason_text});
      return Error::closed;
    }
    case PacketType::publish:
      // Of a subscription that somebody else made under this identifier: not asked for here.
      return {};
    default:
      return Error::malformed;
  }
}

}  // namespace runnel::sinks
