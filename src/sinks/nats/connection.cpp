#include "sinks/nats/connection.hpp"

#include <array>

#include "async/sleep.hpp"

namespace runnel::sinks {

using async::Task;
using codec::NatsOperation;
using Kind = NatsOperation::Kind;

NatsConnection::Memory NatsConnection::carve(Region& region, const NatsSettings& settings) {
  Memory memory;
  memory.received = region.bytes(receive_bytes, "nats receive buffer");
  constexpr std::size_t tasks = 10, frame_bytes = 1536;  // open and what it calls, listen, write
  region.frames(tasks, frame_bytes);
  memory.uplink = Uplink::carve(region, settings.uplink);
  return memory;
}

NatsConnection::NatsConnection(pipeline::SinkContext& context, const NatsSettings& settings,
                               const Memory& memory, NatsServers& servers, NatsInbox& inbox)
    : context_(context),
      settings_(settings),
      servers_(servers),
      inbox_(inbox),
      uplink_(context, settings.uplink, memory.uplink),
      reader_(memory.received) {}

// --- opening and closing -------------------------------------------------------------------------

Task<Status> NatsConnection::open(std::string_view inbox) {
  RUNNEL_ASSERT(!is_open());
  reader_.reset();
  info_ = {};
  broken_ = Error::none;
  complaint_.clear();
  const Status opened = co_await uplink_.connect(servers_.current());
  if (!opened) co_return opened;
  const Status greeted = co_await greet(inbox);
  if (!greeted) {
    uplink_.close();
    co_return greeted;
  }
  async::Scope& runner = *co_await async::current_scope();
  listening_.emplace(runner, context_.name);
  listening_->spawn(listen());
  co_return Status();
}

Task<void> NatsConnection::close() {
  if (listening_) {
    listening_->cancel();
    co_await listening_->join();
    listening_.reset();
  }
  uplink_.close();
}

// The server speaks first. A PONG says that it has taken our CONNECT and the subscription.
Task<Status> NatsConnection::greet(std::string_view inbox) {
  const Instant deadline = after(context_.now(), settings_.uplink.connect_timeout);
  const Status informed = co_await await_info(deadline);
  if (!informed) co_return informed;
  if (settings_.uplink.tls) {
    // What was received in clear and not read would count as said in secret.
    if (reader_.unread() > 0) co_return Error::malformed;
    const Status secured = co_await uplink_.secure(servers_.current());
    if (!secured) co_return secured;
  }
  const Status introduced = co_await introduce(inbox);
  if (!introduced) co_return introduced;
  // The handshake had a deadline of its own.
  const Status answered =
      co_await await_pong(after(context_.now(), settings_.uplink.connect_timeout));
  co_return answered;
}

Task<Status> NatsConnection::await_info(Instant deadline) {
  const NatsOperation operation = co_await next(deadline);
  if (operation.kind == Kind::broken) co_return operation.error;
  if (operation.kind == Kind::error) co_return refuse(operation.text, Error::refused);
  if (operation.kind != Kind::info) co_return Error::malformed;
  const Status taken = take_info(operation.text);
  if (!taken) co_return taken;
  const bool secure = settings_.uplink.tls.has_value();
  if (info_.tls_required && !secure)
    co_return refuse("the server requires TLS: write tls:// in front of its address",
                     Error::unsupported);
  if (secure && !info_.tls_required && !info_.tls_available)
    co_return refuse("the server speaks no TLS", Error::unsupported);
  if (settings_.jetstream && !info_.headers)
    co_return refuse("the server takes no headers: a stream could not tell what is repeated",
                     Error::unsupported);
  const bool known = !settings_.user.empty() || !settings_.token.empty();
  if (info_.nonce && info_.auth_required && !known)
    co_return refuse("the server asks for an nkey, which is not supported", Error::unsupported);
  co_return Status();
}

Task<Status> NatsConnection::introduce(std::string_view inbox) {
  std::array<std::byte, 2048> line;  // secrets are in it: it does not outlive this
  codec::NatsConnect connect;
  connect.name = context_.name;
  connect.tls = settings_.uplink.tls.has_value();
  connect.user = settings_.user;
  connect.password = settings_.password;
  connect.token = settings_.token;
  const auto size = codec::write_nats_connect(connect, line);
  if (!size) co_return size.error();
  const Status connected = co_await uplink_.write(Bytes(line).first(*size));
  if (!connected) co_return connected;
  Text<128> subscribe;
  const Text<80> subject(inbox, ".*");
  codec::write_nats_subscribe(subscribe, subject.text(), "1");
  subscribe << codec::nats_ping;
  const Status subscribed = co_await uplink_.write(as_bytes(subscribe.text()));
  co_return subscribed;
}

Task<Status> NatsConnection::await_pong(Instant deadline) {
  for (;;) {
    const NatsOperation operation = co_await next(deadline);
    switch (operation.kind) {
      case Kind::pong:
        co_return Status();
      case Kind::broken:
        co_return operation.error;
      case Kind::error:
        co_return refuse(operation.text,
                         codec::nats_error_kind(operation.text) == codec::NatsErrorKind::other
                             ? Error::refused
                             : Error::access);
      case Kind::ping: {
        const Status written = co_await uplink_.write(as_bytes(codec::nats_pong));
        if (!written) co_return written;
        break;
      }
      case Kind::info: {
        const Status taken = take_info(operation.text);
        if (!taken) co_return taken;
        break;
      }
      default:
        break;
    }
  }
}

// The next operation; the error of a read as `broken`.
Task<NatsOperation> NatsConnection::next(Instant deadline) {
  NatsOperation operation = reader_.next();
  while (operation.kind == Kind::need_more) {
    const auto received = co_await uplink_.read(reader_.room(), deadline);
    if (!received) {
      operation.kind = Kind::broken;
      operation.error = received.error();
      co_return operation;
    }
    reader_.received(*received);
    operation = reader_.next();
  }
  co_return operation;
}

Status NatsConnection::refuse(std::string_view why, Error error) {
  complaint_.clear();
  complaint_ << why;
  return error;
}

// --- while it stands -----------------------------------------------------------------------------

Task<Status> NatsConnection::write(Bytes bytes) {
  const Status entered = co_await writing_.enter();
  if (!entered) co_return entered;
  const Status written = co_await uplink_.write(bytes);
  writing_.leave();
  co_return written;
}

Task<void> NatsConnection::listen() {
  while (broken_ == Error::none) {
    bool ping = false;
    NatsOperation operation = reader_.next();
    for (; operation.kind != Kind::need_more && operation.kind != Kind::broken;
         operation = reader_.next())
      ping = handle(operation) || ping;
    if (operation.kind == Kind::broken) broken_ = operation.error;
    changed_.ring();
    if (ping && broken_ == Error::none) {
      const Status written = co_await write(as_bytes(codec::nats_pong));
      if (!written) broken_ = written.error();
    }
    if (broken_ != Error::none) break;
    const auto received = co_await uplink_.read(reader_.room(), never);
    if (received) {
      reader_.received(*received);
    } else {
      broken_ = received.error();
    }
  }
  changed_.ring();
}

// True: it was a ping.
bool NatsConnection::handle(const NatsOperation& operation) {
  switch (operation.kind) {
    case Kind::message:
      inbox_.receive(operation);
      break;
    case Kind::pong:
      ++pongs_;
      break;
    case Kind::info:
      if (const Status taken = take_info(operation.text); !taken) broken_ = taken.error();
      break;
    case Kind::error:
      (void)refuse(operation.text, Error::refused);
      break;
    default:
      break;
  }
  return operation.kind == Kind::ping;
}

Status NatsConnection::take_info(std::string_view json) {
  const auto info =
      codec::parse_nats_info(json, [this](std::string_view url) { servers_.learn(url); });
  if (!info) return info.error();
  info_ = *info;
  info_.server_id = info_.server_name = info_.version = {};
  return {};
}

}  // namespace runnel::sinks
