#include "codec/mqtt/packet.hpp"

#include <array>

namespace runnel::codec::mqtt {
namespace {

// From 0x80 on, without a hole.
constexpr std::array<std::string_view, 35> failures = {
    "unspecified error",
    "malformed packet",
    "protocol error",
    "implementation specific error",
    "protocol version not supported",
    "client identifier not valid",
    "bad user name or password",
    "not authorized",
    "server unavailable",
    "server busy",
    "banned",
    "server shutting down",
    "bad authentication method",
    "keep alive timeout",
    "session taken over by another client of this identifier",
    "topic filter invalid",
    "topic name invalid",
    "packet identifier in use",
    "packet identifier not found",
    "receive maximum exceeded",
    "topic alias invalid",
    "packet too large",
    "message rate too high",
    "quota exceeded",
    "administrative action",
    "payload format invalid",
    "retain not supported",
    "QoS not supported",
    "use another server",
    "server moved",
    "shared subscriptions not supported",
    "connection rate exceeded",
    "maximum connect time",
    "subscription identifiers not supported",
    "wildcard subscriptions not supported",
};
static_assert(static_cast<std::size_t>(Reason::wildcard_subscriptions_not_supported) ==
              0x80 + failures.size() - 1);

}  // namespace

std::string_view describe(Reason reason) {
  const auto value = static_cast<std::size_t>(reason);
  if (value >= 0x80 && value - 0x80 < failures.size()) return failures[value - 0x80];
  if (reason == Reason::success) return "success";
  if (reason == Reason::no_matching_subscribers) return "no matching subscribers";
  return "unknown reason";
}

}  // namespace runnel::codec::mqtt
