// A Forward server for tests, from the specification: greets where it has a shared key, keeps every
// entry, and acknowledges, or does not, as it is told.
#pragma once

#include <map>

#include "codec/forward.hpp"
#include "tests/sim/receiver.hpp"
#include "tests/sim/sink_world.hpp"

namespace runnel::sim {

struct ForwardEntry {
  std::uint32_t seconds = 0, nanoseconds = 0;
  std::map<std::string, std::string> record;
};
struct ForwardMessage {
  std::string tag, chunk, compressed, blob;
  std::uint64_t size = 0;
  std::vector<ForwardEntry> entries;  // unless it is compressed
};

class ForwardReceiver final : public Receiver {
 public:
  using Receiver::Receiver;

  enum class Answer : std::uint8_t { ack, nothing, other_chunk, twice, hang_up, noise };
  std::string shared_key, user, password;
  bool keepalive = true;
  std::string server_name = "server.example";
  // What the n-th message of all, from 0, is answered with; ack where nothing is said.
  std::map<std::size_t, Answer> answers;
  std::vector<ForwardMessage> messages;
  std::size_t greetings = 0;
  std::string hostname;  // that the last PING came from

  // The numbers in the messages, each once; a repeated chunk has to be what it was.
  std::set<std::uint64_t> numbers() const {
    std::set<std::uint64_t> all;
    for (const ForwardMessage& message : messages)
      for (const ForwardEntry& entry : message.entries)
        all.merge(readable_numbers(entry.record.at("message") + "\n"));
    return all;
  }
  std::size_t count_events() const {
    std::size_t count = 0;
    for (const ForwardMessage& message : messages) count += message.entries.size();
    return count;
  }

 protected:
  async::Task<bool> greet(Connection& connection) override {
    if (shared_key.empty()) co_return true;
    std::string helo = "\x92\xa4HELO\x83\xa5nonce" + packed(nonce) + packed("auth");
    helo += packed(user.empty() ? std::string_view() : salt);
    helo += packed("keepalive") + (keepalive ? "\xc3" : "\xc2");
    const bool sent = co_await send(connection, std::move(helo));
    co_return sent;
  }
  async::Task<bool> answer(Connection& connection) override {
    State& state = states_[&connection];
    for (;;) {
      codec::MsgpackReader reader(as_bytes(connection.received).subspan(state.read), limits);
      codec::MsgpackReader whole = reader;
      if (const Status complete = whole.skip(); !complete) {
        REQUIRE(complete.error() == Error::closed);
        co_return true;
      }
      state.read += whole.consumed();
      const bool is_ping = !shared_key.empty() && !std::exchange(state.greeted, true);
      std::string reply = is_ping ? pong(reader) : take(reader);
      const bool ends = reply.empty() && !is_ping && last_ == Answer::hang_up;
      const bool refused = is_ping && reply[6] == '\xc2';
      const bool sent = co_await send(connection, std::move(reply));
      if (!sent || ends || refused) co_return false;
    }
  }

 private:
  struct State {
    std::size_t read = 0;
    bool greeted = false;
  };
  static constexpr codec::MsgpackReader::Limits limits = {.bytes_max = 64u << 20,
                                                          .count_max = 1u << 20};

  static std::string text(codec::MsgpackReader& reader) {
    const auto value = reader.next();
    REQUIRE(value.has_value());
    REQUIRE(value->is_text());
    return std::string(value->text());
  }
  static std::uint32_t count(codec::MsgpackReader& reader, codec::MsgpackValue::Kind kind) {
    const auto value = reader.next();
    REQUIRE(value.has_value());
    REQUIRE(value->kind == kind);
    return value->count;
  }
  static std::string packed(std::string_view value) {
    std::byte buffer[512];
    codec::MsgpackWriter out{MutableBytes(buffer)};
    out.string(value);
    return std::string(as_text(out.bytes()));
  }
  static std::string hex(codec::Sha512& hash) {
    const auto digest = hash.finish_hex();
    return {digest.data(), digest.size()};
  }

  std::string pong(codec::MsgpackReader& reader) {
    const bool is_ping = count(reader, codec::MsgpackValue::Kind::array) == 6;
    if (!is_ping || text(reader) != "PING")
      return "\x95\xa4PONG\xc2" + packed("not a PING") + packed("") + packed("");
    ++greetings;
    hostname = text(reader);
    const std::string their_salt = text(reader), digest = text(reader);
    const std::string their_user = text(reader), their_password = text(reader);
    std::string reason;
    if (digest != hex(codec::Sha512().add(their_salt).add(hostname).add(nonce).add(shared_key)))
      reason = "shared_key mismatch";
    else if (!user.empty() &&
             (their_user != user ||
              their_password != hex(codec::Sha512().add(salt).add(user).add(password))))
      reason = "username/password mismatch";
    const std::string proof =
        hex(codec::Sha512().add(their_salt).add(server_name).add(nonce).add(shared_key));
    return "\x95\xa4PONG" + std::string(reason.empty() ? "\xc3" : "\xc2") + packed(reason) +
           packed(reason.empty() ? server_name : "") + packed(reason.empty() ? proof : "");
  }
  std::string take(codec::MsgpackReader& reader) {
    ForwardMessage message;
    REQUIRE(count(reader, codec::MsgpackValue::Kind::array) == 3);
    message.tag = text(reader);
    message.blob = text(reader);
    for (std::uint32_t pairs = count(reader, codec::MsgpackValue::Kind::map); pairs > 0; --pairs) {
      const std::string key = text(reader);
      if (key == "size") message.size = reader.next()->number;
      if (key == "chunk") message.chunk = text(reader);
      if (key == "compressed") message.compressed = text(reader);
    }
    if (message.compressed.empty()) read_entries(message);
    check_repetition(message);
    messages.push_back(message);
    const auto found = answers.find(messages.size() - 1);
    last_ = found == answers.end() ? Answer::ack : found->second;
    if (message.chunk.empty()) last_ = Answer::nothing;
    const std::string ack =
        "\x81\xa3"
        "ack" +
        packed(message.chunk);
    switch (last_) {
      case Answer::ack:
        return ack;
      case Answer::other_chunk:
        return "\x81\xa3"
               "ack" +
               packed("AAAAAAAAAAAAAAAAAAAAAA==");
      case Answer::twice:
        return ack + ack;
      case Answer::noise:
        return "HTTP/1.1 400 Bad Request\r\n\r\n";
      case Answer::nothing:
      case Answer::hang_up:
        break;
    }
    return {};
  }
  void check_repetition(const ForwardMessage& message) const {
    for (const ForwardMessage& other : messages) {
      if (message.chunk.empty() || other.chunk != message.chunk) continue;
      CHECK(other.blob == message.blob);
      CHECK(other.tag == message.tag);
    }
  }
  static void read_entries(ForwardMessage& message) {
    codec::MsgpackReader reader(as_bytes(message.blob), limits);
    while (!reader.at_end()) {
      ForwardEntry& entry = message.entries.emplace_back();
      REQUIRE(count(reader, codec::MsgpackValue::Kind::array) == 2);
      const auto time = reader.next();
      REQUIRE(time->kind == codec::MsgpackValue::Kind::extension);
      CHECK(time->extension_type == 0);
      REQUIRE(time->bytes.size() == 8);
      entry.seconds = codec::load_big<std::uint32_t>(time->bytes.data());
      entry.nanoseconds = codec::load_big<std::uint32_t>(time->bytes.data() + 4);
      for (std::uint32_t pairs = count(reader, codec::MsgpackValue::Kind::map); pairs > 0;
           --pairs) {
        const std::string key = text(reader);
        CHECK(entry.record.emplace(key, text(reader)).second);
      }
    }
    CHECK(message.entries.size() == message.size);
  }

  static constexpr std::string_view nonce = "n\x01\xff\x7f";
  static constexpr std::string_view salt = "SALT";
  std::map<Connection*, State> states_;
  Answer last_ = Answer::ack;
};

}  // namespace runnel::sim
