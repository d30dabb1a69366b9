// Goal: packets of a server are read as the OASIS specifications of MQTT 3.1.1 and 5 say, and
// nothing that breaks them is taken. Method: examples as bytes; every truncation of each, one byte
// too many, and tables of single mistakes.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/mqtt/decode.hpp"
#include "tests/support/mqtt_bytes.hpp"

using namespace runnel;
using namespace runnel::codec::mqtt;
using testing::from_hex;
using testing::packet_of;

namespace {

constexpr Version v3 = Version::v3_1_1;
constexpr Version v5 = Version::v5;

// A heap copy of the exact size, so that reading past the end shows.
template <class Read>
bool taken(Read& read, std::string_view bytes, Version version) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const auto result = read(packet_of({exact.data(), exact.size()}), version);
  if (!result) CHECK(result.error() == Error::malformed);
  return result.has_value();
}

// Cut off anywhere behind its fixed header, or longer by a byte, it is another packet or none: the
// sizes at which it is taken.
template <class Read>
std::vector<std::size_t> taken_sizes(Read& read, const std::string& bytes, Version version) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 2; size <= bytes.size() + 1; ++size)
    if (taken(read, (bytes + '\0').substr(0, size), version)) sizes.push_back(size);
  return sizes;
}
using Sizes = std::vector<std::size_t>;

std::string connack_with(std::string_view properties) {
  const std::string raw = from_hex(properties);
  return from_hex("20 00 00 00") + static_cast<char>(raw.size()) + raw;
}
bool connack_taken(std::string_view properties) {
  return taken(read_connack, connack_with(properties), v5);
}

}  // namespace

TEST_CASE("mqtt connack: 3.1.1") {
  const std::string accepted = from_hex("20 02 00 00");
  const auto connack = read_connack(packet_of(accepted), v3);
  REQUIRE(connack);
  CHECK(connack->reason == Reason::success);
  CHECK(!connack->session_present);
  CHECK(connack->limits.receive_maximum == 65'535);
  CHECK(connack->limits.maximum_qos == 2);
  CHECK(connack->limits.retain_available);
  CHECK(connack->limits.packet_bytes_max == 268'435'460);
  CHECK(!connack->keep_alive_s);
  CHECK(taken_sizes(read_connack, accepted, v3) == Sizes{4});
  CHECK(read_connack(packet_of(from_hex("20 02 01 00")), v3)->session_present);

  // Section 3.2.2.3.
  const std::vector<std::pair<std::string_view, Reason>> refusals = {
      {"20 02 00 01", Reason::unsupported_protocol_version},
      {"20 02 00 02", Reason::client_identifier_not_valid},
      {"20 02 00 03", Reason::server_unavailable},
      {"20 02 00 04", Reason::bad_user_name_or_password},
      {"20 02 00 05", Reason::not_authorized}};
  for (const auto& [hex, reason] : refusals) {
    const std::string bytes = from_hex(hex);
    CHECK(read_connack(packet_of(bytes), v3)->reason == reason);
  }
  for (const std::string_view bad : {"20 02 00 06", "20 02 00 80", "20 02 02 00", "20 02 01 05"}) {
    CAPTURE(bad);
    CHECK(!taken(read_connack, from_hex(bad), v3));
  }
}

TEST_CASE("mqtt connack: a server of 3.1.1 refuses MQTT 5") {
  const std::string bytes = from_hex("20 02 00 01");
  CHECK(read_connack(packet_of(bytes), v5)->reason == Reason::unsupported_protocol_version);
  const std::string newer = from_hex("20 02 00 84");
  CHECK(read_connack(packet_of(newer), v5)->reason == Reason::unsupported_protocol_version);
  CHECK(!taken(read_connack, from_hex("20 02 00 00"), v5));
  CHECK(!taken(read_connack, from_hex("20 02 00 06"), v5));
  CHECK(!taken(read_connack, from_hex("20 02 01 01"), v5));
}

TEST_CASE("mqtt connack: 5, with all its properties") {
  const std::string bytes = connack_with(
      "11 00 00 0E 10  12 00 02 'id'  13 00 3C  15 00 01 'm'  16 00 01 FF  1A 00 01 'r'"
      "1C 00 01 's'  1F 00 02 'ok'  21 00 14  22 00 0A  24 01  25 00  26 00 01 'a' 00 01 'b'"
      "26 00 00 00 00  27 00 01 00 00  28 00  29 01  2A 01");
  const auto connack = read_connack(packet_of(bytes), v5);
  REQUIRE(connack);
  CHECK(connack->reason == Reason::success);
  CHECK(connack->session_expiry_s == 3600u);
  CHECK(connack->client_id == "id");
  CHECK(connack->keep_alive_s == std::uint16_t{60});
  CHECK(connack->server_reference == "s");
  CHECK(connack->reason_text == "ok");
  CHECK(connack->limits.receive_maximum == 20);
  CHECK(connack->limits.maximum_qos == 1);
  CHECK(!connack->limits.retain_available);
  CHECK(connack->limits.packet_bytes_max == 65'536);
  // Two bytes that say no would be a refusal of 3.1.1; these say yes.
  CHECK(taken_sizes(read_connack, bytes, v5) == Sizes{bytes.size()});

  const std::string refused = from_hex("20 09 00 87 06 1F 00 03 'why'");
  CHECK(read_connack(packet_of(refused), v5)->reason == Reason::not_authorized);
  CHECK(read_connack(packet_of(refused), v5)->reason_text == "why");
  CHECK(taken_sizes(read_connack, refused, v5) == Sizes{4, refused.size()});
  CHECK(read_connack(packet_of(from_hex("20 03 00 FE 00")), v5)->reason == Reason{0xFE});
  for (const std::string_view bad :
       {"20 03 01 87 00", "20 03 00 01 00", "20 03 00 7F 00", "20 03 02 00 00", "20 03 00 00 01",
        "20 04 00 00 80 00", "20 07 00 00 80 80 80 80 00", "20 06 00 00 FF FF FF FF"}) {
    CAPTURE(bad);
    CHECK(!taken(read_connack, from_hex(bad), v5));
  }
}

TEST_CASE("mqtt properties: single mistakes") {
  for (const std::string_view good :
       {"", "24 00", "25 01", "21 00 01", "21 FF FF", "22 00 00", "13 00 00", "27 00 00 00 01",
        "11 FF FF FF FF", "12 00 00", "16 00 00", "26 00 00 00 00 26 00 00 00 00"}) {
    CAPTURE(good);
    CHECK(connack_taken(good));
  }
  for (const std::string_view bad : {
           "24 02",
           "25 02",
           "28 FF",
           "29 02",
           "2A 02",  // neither 0 nor 1
           "21 00 00",
           "27 00 00 00 00",  // zero, which they must not be
           "24 01 24 01",
           "1F 00 00 1F 00 00",
           "21 00 01 24 00 21 00 01",  // twice
           "12 00 01 FF",
           "1F 00 01 00",
           "26 00 01 FF 00 00",
           "26 00 00 00 01 00",  // no text
           "01 00",
           "02 00 00 00 01",
           "03 00 00",
           "08 00 00",
           "09 00 00",
           "0B 01",
           "23 00 01",
           "17 00",
           "18 00 00 00 00",
           "19 00",  // of other packets
           "00",
           "04 00",
           "1B 00",
           "20 00 00",
           "2B 00",
           "40 00",
           "7F 00",
           "80 01 00",  // unknown
           "A4 00 01",  // more bytes than its number needs
           "24",
           "21 00",
           "11 00 00 00",
           "12 00",
           "12 00 02 'x'",
           "26 00 01 'a'",
           "26 00 01 'a' 00",
       }) {
    CAPTURE(bad);
    CHECK(!connack_taken(bad));
  }
}

TEST_CASE("mqtt puback") {
  const std::string old = from_hex("40 02 00 0A");
  for (const Version version : {v3, v5}) {
    const auto puback = read_puback(packet_of(old), version);
    REQUIRE(puback);
    CHECK(puback->packet_id == 10);
    CHECK(puback->reason == Reason::success);
  }
  CHECK(taken_sizes(read_puback, old, v3) == Sizes{4});
  const std::string bytes = from_hex("40 10 FF FF 97 0C 1F 00 02 'no' 26 00 01 'k' 00 01 'v'");
  const auto puback = read_puback(packet_of(bytes), v5);
  REQUIRE(puback);
  CHECK(puback->packet_id == 65'535);
  CHECK(puback->reason == Reason::quota_exceeded);
  CHECK(puback->reason_text == "no");
  CHECK(taken_sizes(read_puback, bytes, v5) == Sizes{4, 5, bytes.size()});
  CHECK(!taken(read_puback, bytes, v3));
  CHECK(read_puback(packet_of(from_hex("40 03 00 01 10")), v5)->reason ==
        Reason::no_matching_subscribers);
  for (const std::string_view bad :
       {"40 00", "40 02 00 00", "40 03 00 01 01", "40 03 00 01 11", "40 06 00 01 00 02 24 00",
        "40 05 00 01 00 01 1F", "40 05 00 01 00 00 00"}) {
    CAPTURE(bad);
    CHECK(!taken(read_puback, from_hex(bad), v5));
  }
}

TEST_CASE("mqtt disconnect and pingresp") {
  const std::string bytes = from_hex("E0 0D 9C 0B 1C 00 01 's' 1F 00 04 'away'");
  const auto disconnect = read_disconnect(packet_of(bytes), v5);
  REQUIRE(disconnect);
  CHECK(disconnect->reason == Reason::use_another_server);
  CHECK(disconnect->server_reference == "s");
  CHECK(disconnect->reason_text == "away");
  CHECK(taken_sizes(read_disconnect, bytes, v5) == Sizes{2, 3, bytes.size()});
  CHECK(taken_sizes(read_disconnect, bytes, v3).empty());
  CHECK(read_disconnect(packet_of(from_hex("E0 00")), v5)->reason == Reason::success);
  CHECK(!taken(read_disconnect, from_hex("E0 01 04"), v5));
  CHECK(!taken(read_disconnect, from_hex("E0 03 8B 01 12"), v5));

  CHECK(read_pingresp(packet_of(from_hex("D0 00"))).ok());
  CHECK(!read_pingresp(packet_of(from_hex("D0 01 00"))).ok());
}

TEST_CASE("mqtt publish: what a server hands on") {
  const std::string old = from_hex("3B 09 00 03 'a/b' 00 0A 'hi'");
  const auto message = read_publish(packet_of(old), v3);
  REQUIRE(message);
  CHECK(message->topic == "a/b");
  CHECK(message->packet_id == 10);
  CHECK(message->qos == 1);
  CHECK(message->retain);
  CHECK(message->duplicate);
  CHECK(as_text(message->payload) == "hi");
  // The payload is whatever is left, so that it is a message from the end of its number on.
  CHECK(taken_sizes(read_publish, old, v3) == Sizes{9, 10, 11, 12});

  const std::string bytes = from_hex(
      "30 23 00 00 20 01 01 02 00 00 00 05 03 00 01 't' 08 00 01 'r' 09 00 01 FF 0B 01 0B 80 01"
      "23 00 07 26 00 00 00 00");
  const auto aliased = read_publish(packet_of(bytes), v5);
  REQUIRE(aliased);
  CHECK(aliased->topic.empty());
  CHECK(aliased->topic_alias == 7);
  CHECK(aliased->payload.empty());
  CHECK(!aliased->retain);
  CHECK(taken_sizes(read_publish, bytes, v5) == Sizes{bytes.size(), bytes.size() + 1});
  for (const std::string_view bad :
       {"30 03 00 00 00", "30 04 00 01 '+' 00", "30 04 00 01 '#' 00", "30 04 00 01 FF 00",
        "30 06 00 01 't' 02 01 02", "30 07 00 01 't' 03 23 00 00", "30 06 00 01 't' 02 0B 00",
        "32 06 00 01 't' 00 00 00"}) {
    CAPTURE(bad);
    CHECK(!taken(read_publish, from_hex(bad), v5));
  }
}

TEST_CASE("mqtt: reasons have words") {
  CHECK(describe(Reason::success) == "success");
  CHECK(describe(Reason::no_matching_subscribers) == "no matching subscribers");
  CHECK(describe(Reason::unspecified_error) == "unspecified error");
  CHECK(describe(Reason::not_authorized) == "not authorized");
  CHECK(describe(Reason::packet_too_large) == "packet too large");
  CHECK(describe(Reason::wildcard_subscriptions_not_supported) ==
        "wildcard subscriptions not supported");
  CHECK(describe(Reason{0xA3}) == "unknown reason");
  CHECK(describe(Reason{0x11}) == "unknown reason");
  CHECK(is_failure(Reason{0xFF}));
  CHECK(!is_failure(Reason::no_matching_subscribers));
}
