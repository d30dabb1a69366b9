// Goal: packets of a client are what the OASIS specifications of MQTT 3.1.1 and 5 say, in exactly
// the room they need, and what must not be said is refused. Method: the specifications' own byte
// examples and worked ones; every room from nothing to one byte more than enough; texts at their
// limits.
#include <concepts>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/mqtt/encode.hpp"
#include "codec/mqtt/text.hpp"
#include "tests/support/mqtt_bytes.hpp"

using namespace runnel;
using namespace runnel::codec::mqtt;
using testing::from_hex;

namespace {

// What `write` writes, having seen that every smaller room is refused and nothing passes its end.
template <std::invocable<MutableBytes> Write>
std::string written(Write&& write) {
  std::vector<std::byte> room(1 << 20);
  const Result<std::size_t> size = write(MutableBytes(room));
  REQUIRE(size);
  const std::string whole(as_text(Bytes(room).first(*size)));
  if (*size > 2000) return whole;
  for (std::size_t less = 0; less < *size; ++less) {
    std::vector<std::byte> small(less);
    const Result<std::size_t> refused = write(MutableBytes(small));
    REQUIRE(!refused);
    CHECK(refused.error() == Error::no_room);
  }
  std::vector<std::byte> exact(*size);
  CHECK(write(MutableBytes(exact)));
  CHECK(as_text(exact) == whole);
  return whole;
}
std::string written(const Connect& connect) {
  return written([&](MutableBytes into) { return write_connect(connect, into); });
}
std::string written(const Publish& publish, Version version) {
  return written([&](MutableBytes into) { return write_publish_head(publish, version, into); });
}
Error refusal(const Connect& connect) {
  std::vector<std::byte> room(1 << 20);
  const Result<std::size_t> size = write_connect(connect, MutableBytes(room));
  return size ? Error::none : size.error();
}

}  // namespace

TEST_CASE("mqtt connect: the examples of the specifications") {
  Connect connect;
  connect.clean = true;
  connect.keep_alive_s = 10;
  connect.client_id = "c";
  connect.will = Will{.topic = "w", .payload = as_bytes("x"), .qos = 1};
  connect.user = "u";
  connect.password = "p";
  // MQTT 3.1.1 figure 3.6: the variable header.
  connect.version = Version::v3_1_1;
  CHECK(written(connect) == from_hex("10 19  00 04 'MQTT' 04 CE 00 0A"
                                     "00 01 'c' 00 01 'w' 00 01 'x' 00 01 'u' 00 01 'p'"));
  // MQTT 5 figure 3-6, with a session that lasts ten seconds.
  connect.version = Version::v5;
  connect.session_expiry_s = 10;
  CHECK(written(connect) == from_hex("10 20  00 04 'MQTT' 05 CE 00 0A  05 11 00 00 00 0A"
                                     "00 01 'c'  00 00 01 'w' 00 01 'x' 00 01 'u' 00 01 'p'"));
}

TEST_CASE("mqtt connect: every field in its place") {
  Connect connect;
  connect.version = Version::v3_1_1;
  connect.client_id = "edge";
  CHECK(written(connect) == from_hex("10 10 00 04 'MQTT' 04 00 00 00 00 04 'edge'"));
  connect.user = "";
  CHECK(written(connect) == from_hex("10 12 00 04 'MQTT' 04 80 00 00 00 04 'edge' 00 00"));
  connect.user.reset();
  connect.will = Will{.topic = "s", .payload = {}, .qos = 2, .retain = true, .delay_s = 7};
  CHECK(written(connect) ==
        from_hex("10 15 00 04 'MQTT' 04 34 00 00 00 04 'edge' 00 01 's' 00 00"));
  connect.version = Version::v5;
  connect.session_expiry_s = session_never_expires;
  connect.packet_bytes_max = 4096;
  connect.password = std::string_view("\xff\0", 2);  // any bytes, and no user
  CHECK(written(connect) ==
        from_hex("10 2A 00 04 'MQTT' 05 74 00 00  0A 11 FF FF FF FF 27 00 00 10 00"
                 "00 04 'edge'  05 18 00 00 00 07 00 01 's' 00 00  00 02 FF 00"));
}

TEST_CASE("mqtt connect: a long one has a longer remaining length") {
  Connect connect;
  connect.version = Version::v3_1_1;
  const std::string longest(text_bytes_max, 'x');
  connect.client_id = std::string_view(longest).substr(0, 115);
  CHECK(written(connect).substr(0, 4) == from_hex("10 7F 00 04"));
  connect.client_id = std::string_view(longest).substr(0, 116);
  CHECK(written(connect).substr(0, 5) == from_hex("10 80 01 00 04"));
  connect.client_id = longest;
  connect.user = longest;
  connect.password = longest;
  connect.will = Will{.topic = longest, .payload = as_bytes(longest)};
  CHECK(written(connect).size() == 4 + 10 + 5 * (2 + text_bytes_max));
}

TEST_CASE("mqtt connect: what must not be said is refused") {
  const std::string too_long(text_bytes_max + 1, 'x');
  Connect good;
  good.version = Version::v3_1_1;
  good.client_id = "edge";
  CHECK(refusal(good) == Error::none);
  Connect bad = good;
  bad.client_id = "";
  CHECK(refusal(bad) == Error::malformed);
  bad.clean = true;
  CHECK(refusal(bad) == Error::none);
  bad.clean = false;
  bad.version = Version::v5;
  CHECK(refusal(bad) == Error::none);
  bad = good;
  bad.password = "p";
  CHECK(refusal(bad) == Error::malformed);
  bad = good;
  bad.client_id = "\xc0\x80";
  CHECK(refusal(bad) == Error::malformed);
  bad = good;
  bad.user = std::string_view("a\0b", 3);
  CHECK(refusal(bad) == Error::malformed);
  for (int field = 0; field < 5; ++field) {
    CAPTURE(field);
    bad = good;
    bad.user = "u";
    bad.will = Will{.topic = "t", .payload = {}};
    if (field == 0) bad.client_id = too_long;
    if (field == 1) bad.user = too_long;
    if (field == 2) bad.password = too_long;
    if (field == 3) bad.will->topic = too_long;
    if (field == 4) bad.will->payload = as_bytes(too_long);
    CHECK(refusal(bad) == Error::too_large);
  }
  for (const std::string_view topic : {"", "a/+", "#", "\xff", "a\nb"}) {
    bad = good;
    bad.will = Will{.topic = topic, .payload = {}};
    CHECK(refusal(bad) == Error::malformed);
  }
  bad.will = Will{.topic = "t", .payload = {}, .qos = 3};
  CHECK(refusal(bad) == Error::malformed);
}

TEST_CASE("mqtt publish: the examples of the specifications") {
  // Figures 3.11 (3.1.1) and 3-9 (5): topic a/b, packet identifier 10.
  Publish publish{.topic = "a/b", .packet_id = 10, .qos = 1, .payload_bytes = 2};
  CHECK(written(publish, Version::v3_1_1) == from_hex("32 09 00 03 'a/b' 00 0A"));
  CHECK(written(publish, Version::v5) == from_hex("32 0A 00 03 'a/b' 00 0A 00"));
  publish.retain = publish.duplicate = true;
  CHECK(written(publish, Version::v5) == from_hex("3B 0A 00 03 'a/b' 00 0A 00"));
  publish = Publish{.topic = "a/b", .retain = true, .payload_bytes = 0};
  CHECK(written(publish, Version::v3_1_1) == from_hex("31 05 00 03 'a/b'"));
  CHECK(written(publish, Version::v5) == from_hex("31 06 00 03 'a/b' 00"));
}

TEST_CASE("mqtt publish: remaining lengths at their limits") {
  // MQTT 5 table 1-1: the digits of a variable byte integer.
  struct Case {
    std::uint32_t remaining;
    std::string_view length;
  };
  for (const auto& [remaining, length] :
       {Case{127, "7F"}, Case{128, "80 01"}, Case{16'383, "FF 7F"}, Case{16'384, "80 80 01"},
        Case{2'097'151, "FF FF 7F"}, Case{2'097'152, "80 80 80 01"},
        Case{268'435'455, "FF FF FF 7F"}}) {
    CAPTURE(remaining);
    const Publish publish{.topic = "t", .payload_bytes = remaining - 3};
    const std::string bytes = from_hex(length);
    CHECK(publish_bytes(publish, Version::v3_1_1) == 1 + bytes.size() + remaining);
    CHECK(written(publish, Version::v3_1_1) == "\x30" + bytes + from_hex("00 01 't'"));
  }
  const Publish larger{.topic = "t", .payload_bytes = remaining_bytes_max - 2};
  CHECK(publish_bytes(larger, Version::v3_1_1) == 0);
  CHECK(publish_bytes(Publish{.topic = "t", .payload_bytes = 0xFFFF'FFFF}, Version::v5) == 0);
}

TEST_CASE("mqtt publish: the longest head is not longer than it is said to be") {
  const std::string topic(text_bytes_max, 't');
  for (const std::uint32_t payload : {0u, 200'000'000u}) {
    const Publish publish{.topic = topic, .packet_id = 65'535, .qos = 1, .payload_bytes = payload};
    CHECK(written(publish, Version::v5).size() <= publish_head_bytes_max(topic.size()));
    CHECK(written(publish, Version::v5).size() + payload == publish_bytes(publish, Version::v5));
  }
}

TEST_CASE("mqtt publish: sent once more, under another number") {
  for (const std::uint32_t payload : {2u, 300u, 100'000u}) {
    Publish publish{
        .topic = "a/b", .packet_id = 1, .qos = 1, .retain = payload == 2, .payload_bytes = payload};
    std::string packet = written(publish, Version::v5);
    CHECK(publish_bytes_to_id(as_bytes(packet)) == packet.size() - 1);
    for (const bool duplicate : {true, false, true}) {
      publish.packet_id = static_cast<std::uint16_t>(publish.packet_id * 250);
      publish.duplicate = duplicate;
      renumber_publish(std::as_writable_bytes(std::span(packet)), publish.packet_id, duplicate);
      CHECK(packet == written(publish, Version::v5));
    }
  }
}

TEST_CASE("mqtt: the small packets") {
  CHECK(written(write_pingreq) == from_hex("C0 00"));
  CHECK(written([](MutableBytes into) { return write_puback(0x1234, into); }) ==
        from_hex("40 02 12 34"));
  const auto disconnect = [](Reason reason, Version version) {
    return written([=](MutableBytes into) { return write_disconnect(reason, version, into); });
  };
  CHECK(disconnect(Reason::success, Version::v3_1_1) == from_hex("E0 00"));
  CHECK(disconnect(Reason::success, Version::v5) == from_hex("E0 00"));
  CHECK(disconnect(Reason::protocol_error, Version::v5) == from_hex("E0 01 82"));
  CHECK(disconnect(Reason::protocol_error, Version::v3_1_1) == from_hex("E0 00"));
}

TEST_CASE("mqtt: texts and topics") {
  const std::string longest(text_bytes_max, 'x');
  CHECK(valid_text(""));
  CHECK(valid_text(longest));
  CHECK(!valid_text(longest + "x"));
  CHECK(valid_text("A\xf0\xaa\x9b\x94"));    // MQTT 5 figure 1-2
  CHECK(valid_text("a\n\x7f\xef\xbf\xbf"));  // advised against, not forbidden
  CHECK(!valid_text(std::string_view("\0", 1)));
  CHECK(!valid_text("\xed\xa0\x80"));  // a surrogate ([MQTT-1.5.4-1])
  CHECK(!valid_text("a\xf0\xaa\x9b"));

  CHECK(valid_topic("a"));
  CHECK(valid_topic("/"));
  CHECK(valid_topic("Accounts payable"));
  CHECK(valid_topic("$SYS/x"));
  CHECK(valid_topic("A\xf0\xaa\x9b\x94/\xc3\xa9\xef\xbb\xbf"));
  CHECK(valid_topic(longest));
  CHECK(!valid_topic(longest + "x"));
  for (const std::string_view bad :
       {"", "+", "a+", "#", "a/#", "a\x01", "\x1f", "\x7f", "\xc2\x80", "\xc2\x9f", "\xef\xb7\x90",
        "\xef\xb7\xaf", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe", "\xf4\x8f\xbf\xbf",
        "\xff", "\xc3"}) {
    CAPTURE(bad);
    CHECK(!valid_topic(bad));
  }
  CHECK(!valid_topic(std::string_view("a\0", 2)));
  for (const std::string_view good : {"\xc2\xa0", "\xef\xb7\x8f", "\xef\xb7\xb0", "\xef\xbf\xbd"})
    CHECK(valid_topic(good));
}
