// A small MQTT broker for tests, written from the specification: takes CONNECT and PUBLISH, answers
// as it is told to, and remembers what a client must not do.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "tests/sim/receiver.hpp"
#include "tests/support/mqtt_bytes.hpp"

namespace runnel::sim {

class Broker final : public Receiver {
 public:
  struct Published {
    std::string topic, payload;
    std::uint16_t packet_id = 0;
    bool duplicate = false, retain = false;
  };

  using Receiver::Receiver;

  // What it is told.
  std::string connack = testing::from_hex("20 03 00 00 00");  // MQTT 5
  bool keeps_sessions = true;
  std::uint64_t dies_after = UINT64_MAX;  // so many more messages, the last of them unacknowledged
  bool silent = false;                    // takes messages and acknowledges none
  std::string interrupts;                 // sent instead of any acknowledgement
  bool answers_pings = true;
  std::size_t waiting_max = 65'535;                     // what a client may leave unacknowledged
  bool withholds = false;                               // acknowledges only when the window is full
  std::function<std::uint8_t(const Published&)> judge;  // the reason for PUBACK

  // What it saw.
  std::vector<Published> messages;  // acknowledged ones, or QoS 0
  std::vector<std::string> connects;
  std::uint64_t taken = 0, duplicates = 0, pings = 0, goodbyes = 0, wrong = 0;
  std::size_t waiting_most = 0;

 private:
  static std::size_t number(std::string_view bytes) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 |
           static_cast<unsigned char>(bytes[1]);
  }
  static std::string acknowledgement(std::uint16_t id, std::uint8_t reason) {
    std::string packet = reason == 0 ? testing::from_hex("40 02") : testing::from_hex("40 03");
    packet += static_cast<char>(id >> 8);
    packet += static_cast<char>(id & 0xFF);
    if (reason != 0) packet += static_cast<char>(reason);
    return packet;
  }

  async::Task<bool> answer(Connection& connection) override {
    std::string& bytes = connection.received;
    while (bytes.size() >= 2) {
      std::size_t length = 0, at = 1;
      unsigned shift = 0;
      while (at < bytes.size()) {
        const auto digit = static_cast<unsigned char>(bytes[at++]);
        length |= static_cast<std::size_t>(digit & 0x7F) << shift;
        shift += 7;
        if (digit < 0x80) break;
        if (at == bytes.size()) co_return true;
      }
      if (bytes.size() - at < length) co_return true;
      const std::string body = bytes.substr(at, length);
      const auto first = static_cast<unsigned char>(bytes[0]);
      bytes.erase(0, at + length);
      std::string reply;
      const bool goes_on = take(connection, first, body, reply);
      const bool sent = co_await send(connection, reply);
      if (!goes_on || !sent) co_return false;
    }
    co_return true;
  }

  bool take(Connection& connection, unsigned first, std::string_view body, std::string& reply) {
    switch (first >> 4) {
      case 1: {
        connects.emplace_back(body);
        waiting_[&connection].clear();
        level_ = static_cast<unsigned char>(body[6]);
        reply = connack;
        const bool clean = (static_cast<unsigned char>(body[7]) & 2) != 0;
        if (keeps_sessions && !clean && known_) reply[2] = 1;
        known_ = true;
        return connack[3] == 0;
      }
      case 3:
        return publish(connection, first, body, reply);
      case 12:
        ++pings;
        if (answers_pings) reply = testing::from_hex("D0 00");
        return true;
      case 14:
        ++goodbyes;
        return false;
      default:
        ++wrong;
        return false;
    }
  }

  bool publish(Connection& connection, unsigned first, std::string_view body, std::string& reply) {
    Published message;
    const std::size_t topic_bytes = number(body);
    message.topic = std::string(body.substr(2, topic_bytes));
    body.remove_prefix(2 + topic_bytes);
    const unsigned qos = first >> 1 & 3;
    message.duplicate = (first & 8) != 0;
    message.retain = (first & 1) != 0;
    if (qos > 0) {
      message.packet_id = static_cast<std::uint16_t>(number(body));
      body.remove_prefix(2);
    }
    if (level_ == 5) body.remove_prefix(1);
    message.payload = std::string(body);
    ++taken;
    if (message.duplicate) ++duplicates;
    if (dies_after != UINT64_MAX && dies_after-- == 0) return false;
    if (!interrupts.empty()) {
      reply = interrupts;
      return true;
    }
    if (silent) return true;
    if (qos == 0) {
      messages.push_back(message);
      return true;
    }
    auto& waiting = waiting_[&connection];
    for (const Published& each : waiting)
      if (each.packet_id == message.packet_id) ++wrong;
    waiting.push_back(message);
    waiting_most = std::max(waiting_most, waiting.size());
    if (waiting.size() > waiting_max) ++wrong;
    if (withholds && waiting.size() < waiting_max) return true;
    for (const Published& each : waiting) {
      const std::uint8_t reason = judge ? judge(each) : std::uint8_t{0};
      reply += acknowledgement(each.packet_id, reason);
      if (reason < 0x80) messages.push_back(each);
    }
    waiting.clear();
    return true;
  }

  std::map<Connection*, std::vector<Published>> waiting_;
  bool known_ = false;
  unsigned level_ = 0;
};

}  // namespace runnel::sim
