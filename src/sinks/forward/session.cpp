#include "sinks/forward/session.hpp"

namespace runnel::sinks {

using async::Task;
using codec::MsgpackWriter;
using pipeline::Frame;

namespace {

// Head, entries and option of a batch that is not larger go out at once.
constexpr std::size_t out_bytes = 4096;
static_assert(codec::forward_head_bytes_max(TagTemplate::tag_bytes_max) +
                  codec::forward_option_bytes_max <
              out_bytes);

void write_hex(Bytes bytes, std::span<char> out) {
  RUNNEL_ASSERT(out.size() == 2 * bytes.size());
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    const auto value = std::to_integer<unsigned>(bytes[index]);
    out[2 * index] = digits[value >> 4];
    out[2 * index + 1] = digits[value & 15];
  }
}

}  // namespace

ForwardSessionMemory ForwardSessionMemory::carve(Region& region, const UplinkSettings& uplink) {
  ForwardSessionMemory memory;
  memory.out = region.bytes(out_bytes, "message heads");
  memory.in = region.bytes(2 * codec::forward_reply_bytes_max, "replies");
  constexpr std::size_t frame_bytes = 1024;
  region.frames(5, frame_bytes);  // send, open, greet, write or wait_for_ack, receive
  memory.uplink = Uplink::carve(region, uplink);
  return memory;
}

ForwardSession::ForwardSession(pipeline::SinkContext& context, const ForwardSettings& settings,
                               const ForwardSessionMemory& memory)
    : context_(context),
      settings_(settings),
      memory_(memory),
      uplink_(context, settings.uplink, memory.uplink) {}

void ForwardSession::end() {
  uplink_.close();
  forget_replies();
}

Task<void> ForwardSession::leave() {
  co_await uplink_.end();
  forget_replies();
}

Task<Status> ForwardSession::send(std::string_view tag, const Frame& frame) {
  explain(settings_.endpoint);
  if (!uplink_.is_alive()) {
    end();
    const Status opened = co_await open();
    if (!opened) {
      if (!uplink_.reason().empty()) explain(settings_.endpoint, ": ", uplink_.reason());
      co_return opened;
    }
  }
  note_chunk(frame.id);
  const Status written = co_await write(tag, frame);
  if (!written) co_return written;
  Status answered;
  if (settings_.require_ack) {
    answered = co_await wait_for_ack();
  } else {
    answered = co_await uplink_.acknowledged();
  }
  // What stands behind an answer is none of this protocol's.
  if (answered && (!lasts_ || used_ != filled_)) end();
  if (answered) forget_replies();
  co_return answered;
}

Task<Status> ForwardSession::open() {
  lasts_ = true;
  const Status opened = co_await uplink_.open(settings_.endpoint);
  if (!opened || settings_.shared_key.empty()) co_return opened;
  const Status greeted = co_await greet();
  co_return greeted;
}

Task<Status> ForwardSession::greet() {
  codec::ForwardHelo helo;
  const Status helloed = co_await receive(helo);
  if (!helloed) {
    explain(settings_.endpoint, " has sent no greeting: does it know a shared key?");
    co_return helloed;
  }
  make_salt();
  const std::string_view salt(salt_.data(), salt_.size());
  MsgpackWriter ping(memory_.out);
  codec::write_forward_ping(ping, helo, secrets(), salt);
  RUNNEL_ASSERT(!ping.overflowed());
  const Status written = co_await uplink_.write(ping.bytes());
  if (!written) co_return written;

  codec::ForwardPong pong;  // behind HELO, whose nonce is still needed
  const Status answered = co_await receive(pong);
  if (!answered) co_return answered;
  if (!pong.accepted) {
    explain(settings_.endpoint, " refuses us: ", pong.reason);
    co_return Error::access;
  }
  if (!codec::proves_shared_key(pong, helo.nonce, secrets(), salt)) {
    explain(settings_.endpoint, " does not know our shared key");
    co_return Error::access;
  }
  lasts_ = helo.keepalive;
  forget_replies();
  co_return Status();
}

Task<Status> ForwardSession::write(std::string_view tag, const Frame& frame) {
  const std::size_t head = write_head(tag, frame.wire.size());
  const Bytes out = memory_.out;
  if (frame.wire.size() <= out.size() - head - codec::forward_option_bytes_max) {
    put_bytes(memory_.out.data() + head, frame.wire);
    const std::size_t before = head + frame.wire.size();
    const Bytes whole = out.first(before + option_of(frame, before).size());
    const Status written = co_await uplink_.write(whole);
    co_return written;
  }
  Status written = co_await uplink_.write(out.first(head));
  if (written) written = co_await uplink_.write(frame.wire);
  if (written) written = co_await uplink_.write(option_of(frame, 0));
  co_return written;
}

Task<Status> ForwardSession::wait_for_ack() {
  codec::ForwardAck ack;
  const Status answered = co_await receive(ack);
  if (!answered) {
    if (answered.error() == Error::timed_out)
      explain(settings_.endpoint, " has acknowledged nothing");
    if (was_greeted()) explain(settings_.endpoint, " wants a shared key: set shared_key");
    co_return answered;
  }
  if (ack.chunk == std::string_view(chunk_.data(), chunk_.size())) co_return Status();
  explain(settings_.endpoint, " has acknowledged another chunk than it was sent");
  co_return Error::malformed;
}

template <class Message>
Task<Status> ForwardSession::receive(Message& message) {
  const Instant deadline = uplink_.reply_deadline();
  for (;;) {
    const Bytes unread = memory_.in.subspan(used_, filled_ - used_);
    const auto size = codec::read_forward(unread, message);
    if (size) {
      used_ += *size;
      co_return Status();
    }
    if (size.error() != Error::closed) co_return size.error();
    const MutableBytes room = memory_.in.subspan(filled_);
    if (room.empty()) co_return Error::too_large;
    const auto received = co_await uplink_.read(room, deadline);
    if (!received) co_return received.error();
    filled_ += *received;
  }
}

// A server that wants a shared key speaks first, and what it said stands where an acknowledgement
// should.
bool ForwardSession::was_greeted() const {
  return settings_.shared_key.empty() &&
         codec::begins_forward_helo(memory_.in.subspan(used_, filled_ - used_));
}

codec::ForwardSecrets ForwardSession::secrets() const {
  const std::string_view own_name(own_name_.data(), own_name_.size());
  return {.hostname = settings_.hostname.empty() ? own_name : settings_.hostname,
          .shared_key = settings_.shared_key,
          .user = settings_.user,
          .password = settings_.password};
}

// The instance is known only when the agent has started.
void ForwardSession::make_salt() {
  std::array<std::byte, 16> random;
  context_.system.entropy(random);
  write_hex(random, salt_);
  write_hex(context_.identity.instance, own_name_);
}

void ForwardSession::note_chunk(const pipeline::BatchId& id) {
  Text<pipeline::BatchId::text_bytes_max> text;
  id.write(text);
  RUNNEL_ASSERT(!text.cut());
  chunk_ = codec::forward_chunk(text.text());
}

std::size_t ForwardSession::write_head(std::string_view tag, std::size_t entries_bytes) {
  MsgpackWriter out(memory_.out);
  codec::write_forward_head(out, tag, entries_bytes);
  RUNNEL_ASSERT(!out.overflowed());
  return out.size();
}

Bytes ForwardSession::option_of(const Frame& frame, std::size_t from) {
  codec::ForwardOption option;
  option.events = frame.events;
  option.compressed = settings_.compressed;
  if (settings_.require_ack) option.chunk = {chunk_.data(), chunk_.size()};
  MsgpackWriter out(memory_.out.subspan(from));
  codec::write_forward_option(out, option);
  RUNNEL_ASSERT(!out.overflowed());
  return out.bytes();
}

}  // namespace runnel::sinks
