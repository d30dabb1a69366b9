// The mqtt sink's connection to its broker: CONNECT and CONNACK, then a task of its own that reads
// what the broker says and keeps the connection alive while nothing is sent. Whoever sends is told
// by a bell when something has come or the connection was lost.
#pragma once

#include <optional>

#include "async/gate.hpp"
#include "async/scope.hpp"
#include "base/log.hpp"
#include "codec/mqtt/decode.hpp"
#include "codec/mqtt/packet_reader.hpp"
#include "sinks/mqtt/settings.hpp"

namespace runnel::sinks {

// Who wants to know what became of messages.
class MqttAnswers {
 public:
  virtual ~MqttAnswers() = default;
  // `malformed`: the server speaks of something that was never sent; the connection ends.
  virtual Status answered(const codec::mqtt::Puback& puback) = 0;
};

struct MqttSessionMemory {
  MutableBytes received;
  MutableBytes hello;     // CONNECT
  MutableBytes password;  // what is read from a file; empty: it is configured
  UplinkMemory uplink;
  static MqttSessionMemory carve(Region& region, const MqttSettings& settings);
};

class MqttSession {
 public:
  // All of them outlive it.
  MqttSession(pipeline::SinkContext& context, const MqttSettings& settings, MqttAnswers& answers,
              const MqttSessionMemory& memory);

  // Reads the files of TLS and of the password. Once, before anything else.
  pipeline::Started start();

  // Connected, and nothing has happened to the connection since.
  bool is_open() const { return uplink_.is_open() && !lost_; }
  // Connects, after `close`. Its task runs in the scope of the caller.
  async::Task<Status> open();
  async::Task<void> close();
  // Says goodbye: the will is not published.
  async::Task<void> leave();

  // Both parts, and nothing between them.
  async::Task<Status> write(Bytes bytes, Bytes more = {});
  // Until the server's kernel has acknowledged what was written (QoS 0).
  async::Task<Status> acknowledged();
  // How often something has come. `progress` waits until it is more than `heard`. An error: the
  // connection is lost, or nothing came in time.
  std::uint64_t heard() const { return heard_; }
  async::Task<Status> progress(std::uint64_t heard);

  bool session_present() const { return session_present_; }
  const codec::mqtt::ServerLimits& limits() const { return limits_; }
  // Why the last attempt or connection came to nothing, for a person; names the server.
  std::string_view reason() const { return reason_.text(); }

 private:
  async::Task<Status> greet();
  async::Task<Result<codec::mqtt::Packet>> first_packet(Instant deadline);
  Status take_connack(const codec::mqtt::Packet& packet);
  Result<std::size_t> write_hello();
  async::Task<void> stop_attending();
  async::Task<void> attend();
  async::Task<Status> attend_once();
  async::Task<Status> ping();
  Status take_packets();
  Status take(const codec::mqtt::Packet& packet);
  Instant ping_due() const;
  template <class... Args>
  void explain(const Args&... args) {
    reason_.clear();
    reason_ << settings_.endpoint << ": ";
    ((reason_ << args), ...);
  }

  pipeline::SinkContext& context_;
  const MqttSettings& settings_;
  MqttAnswers& answers_;
  MqttSessionMemory memory_;
  Uplink uplink_;
  codec::mqtt::PacketReader reader_;
  Text<24> client_id_;
  std::string_view password_;
  bool clean_ = false;
  async::Gate writing_;
  async::Notice news_;
  std::uint64_t heard_ = 0;
  std::optional<async::Scope> attending_;
  std::optional<Error> lost_;
  bool session_present_ = false;
  codec::mqtt::ServerLimits limits_;
  Duration keep_alive_ = Duration::zero();
  Instant last_sent_ = Instant::min();
  Instant pong_until_ = never;  // never: no answer to a ping is due
  Text<320> reason_;
};

}  // namespace runnel::sinks
