// One connection to a NATS server at a time: greets, subscribes to the inbox, and listens for as
// long as it stands: answers pings, hears of other servers, hands on what comes to the inbox. What
// is written goes out whole, whoever writes. Whoever waits for something looks at `broken` and
// rings for `changed`.
#pragma once

#include <optional>

#include "async/gate.hpp"
#include "async/notice.hpp"
#include "async/scope.hpp"
#include "codec/nats.hpp"
#include "codec/nats_json.hpp"
#include "sinks/nats/servers.hpp"
#include "sinks/nats/settings.hpp"

namespace runnel::sinks {

// Who reads what comes to the inbox.
class NatsInbox {
 public:
  virtual void receive(const codec::NatsOperation& message) = 0;

 protected:
  ~NatsInbox() = default;
};

class NatsConnection {
 public:
  static constexpr std::size_t receive_bytes = 16 * 1024;  // the largest message and INFO
  struct Memory {
    MutableBytes received;
    UplinkMemory uplink;
  };
  static Memory carve(Region& region, const NatsSettings& settings);
  NatsConnection(pipeline::SinkContext& context, const NatsSettings& settings, const Memory& memory,
                 NatsServers& servers, NatsInbox& inbox);

  pipeline::Started start() { return uplink_.start(); }
  // To the current server; subscribes to `inbox`.*. After an error it is closed again.
  async::Task<Status> open(std::string_view inbox);
  async::Task<void> close();
  bool is_open() const { return listening_.has_value(); }
  // Why it cannot be used any more; none: it can.
  Error broken() const { return broken_; }
  bool leaving() const { return info_.lame_duck; }

  async::Task<Status> write(Bytes bytes);
  // Something was received, or it broke.
  async::Notice& changed() { return changed_; }
  std::uint64_t pongs() const { return pongs_; }
  std::uint64_t max_payload() const { return info_.max_payload; }
  bool takes_headers() const { return info_.headers; }
  // What a failure to open has to say of TLS or of the name; may be empty.
  std::string_view reason() const { return uplink_.reason(); }
  // The last complaint of the server on this connection, or of us about it; empty: none.
  std::string_view complaint() const { return complaint_.text(); }
  bool complained() const { return complaint_.size() > 0; }
  void forget_complaint() { complaint_.clear(); }

 private:
  async::Task<Status> greet(std::string_view inbox);
  async::Task<Status> await_info(Instant deadline);
  async::Task<Status> introduce(std::string_view inbox);
  async::Task<Status> await_pong(Instant deadline);
  async::Task<codec::NatsOperation> next(Instant deadline);
  async::Task<void> listen();
  bool handle(const codec::NatsOperation& operation);
  Status take_info(std::string_view json);
  Status refuse(std::string_view why, Error error);

  pipeline::SinkContext& context_;
  const NatsSettings& settings_;
  NatsServers& servers_;
  NatsInbox& inbox_;
  Uplink uplink_;
  codec::NatsReader reader_;
  codec::NatsInfo info_;  // its texts are gone
  std::optional<async::Scope> listening_;
  async::Notice changed_;
  async::Gate writing_;
  Error broken_ = Error::none;
  std::uint64_t pongs_ = 0;
  Text<200> complaint_;
};

}  // namespace runnel::sinks
