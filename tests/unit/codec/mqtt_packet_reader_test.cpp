// Goal: a stream is cut into the same packets however it arrives, within the buffer's limit, and
// what no server of MQTT sends is noticed at its first byte. Method: streams as bytes; every cut
// into two pieces and into single bytes; lengths at the limits of the buffer and of their own
// format.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/mqtt/packet_reader.hpp"
#include "tests/support/mqtt_bytes.hpp"

using namespace runnel;
using namespace runnel::codec::mqtt;
using testing::from_hex;
using Kind = PacketReader::Step::Kind;

namespace {

struct Outcome {
  std::vector<std::string> packets;  // first byte and body
  Error error = Error::none;
  std::uint64_t skipped = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(std::string_view stream, std::size_t buffer_bytes, std::size_t first_piece,
                 std::size_t piece_max) {
  std::vector<std::byte> buffer(buffer_bytes);
  PacketReader reader{MutableBytes(buffer)};
  Outcome outcome;
  std::size_t wanted = first_piece;
  for (;;) {
    const auto step = reader.next();
    if (step.kind == Kind::packet) {
      outcome.packets.push_back(
          std::string(1, static_cast<char>(static_cast<unsigned>(step.packet.type) << 4 |
                                           step.packet.flags)) +
          std::string(as_text(step.packet.body)));
      continue;
    }
    outcome.skipped = reader.skipped_packets();
    if (step.kind == Kind::broken) {
      outcome.error = step.error;
      CHECK(reader.next().kind == Kind::broken);
      CHECK(reader.next().error == step.error);
      return outcome;
    }
    if (stream.empty()) return outcome;
    const MutableBytes room = reader.room();
    REQUIRE(!room.empty());
    const std::size_t size =
        std::min({std::max<std::size_t>(wanted, 1), room.size(), stream.size()});
    std::memcpy(room.data(), stream.data(), size);
    reader.filled(size);
    stream.remove_prefix(size);
    wanted = piece_max;
  }
}

// The same whatever the pieces are.
Outcome read_all(std::string_view stream, std::size_t buffer_bytes) {
  const Outcome whole = read_all(stream, buffer_bytes, stream.size(), stream.size());
  for (std::size_t cut = 0; cut < std::min<std::size_t>(stream.size(), 200); ++cut)
    CHECK(read_all(stream, buffer_bytes, cut, stream.size()) == whole);
  CHECK(read_all(stream, buffer_bytes, 1, 1) == whole);
  return whole;
}

}  // namespace

TEST_CASE("mqtt reader: packets in any pieces") {
  const std::string stream = from_hex(
      "20 02 00 00  40 02 00 01  D0 00  32 06 00 01 't' 00 05 'x'"
      "E0 00 62 02 00 05");
  const Outcome outcome = read_all(stream, 16);
  CHECK(outcome.packets == std::vector<std::string>{from_hex("20 00 00"), from_hex("40 00 01"),
                                                    from_hex("D0"),
                                                    from_hex("32 00 01 't' 00 05 'x'"),
                                                    from_hex("E0"), from_hex("62 00 05")});
  CHECK(outcome.error == Error::none);
  for (std::size_t size = 0; size < stream.size(); ++size)
    CHECK(read_all(std::string_view(stream).substr(0, size), 16).error == Error::none);
}

TEST_CASE("mqtt reader: a packet as large as the buffer, and one byte larger") {
  const std::string fits = from_hex("30 0E 00 0A '0123456789' 'xx'") + from_hex("D0 00");
  CHECK(read_all(fits, 16).packets.size() == 2);
  CHECK(read_all(fits, 16).skipped == 0);
  // Larger messages are stepped over, whole.
  const std::string larger = from_hex("30 0F 00 0A '0123456789' 'xxx'") + from_hex("D0 00");
  CHECK(read_all(larger, 16) == Outcome{{from_hex("D0")}, Error::none, 1});
  const std::string large =
      from_hex("30 AC 02") + std::string(300, '\xff') + from_hex("40 02 00 01");
  CHECK(read_all(large + large, 16) ==
        Outcome{{from_hex("40 00 01"), from_hex("40 00 01")}, Error::none, 2});
  // Anything else that is larger is not stepped over.
  CHECK(read_all(from_hex("40 0F 00 01"), 16) == Outcome{{}, Error::too_large, 0});
  CHECK(read_all(from_hex("20 FF FF FF 7F"), 4096) == Outcome{{}, Error::too_large, 0});
  CHECK(read_all(from_hex("30 FF FF FF 7F"), 16) == Outcome{{}, Error::none, 1});
}

TEST_CASE("mqtt reader: remaining lengths") {
  for (const std::size_t size : {0u, 127u, 128u, 16'383u, 16'384u}) {
    CAPTURE(size);
    const std::string length = size < 128      ? std::string(1, static_cast<char>(size))
                               : size == 128   ? from_hex("80 01")
                               : size < 16'384 ? from_hex("FF 7F")
                                               : from_hex("80 80 01");
    const std::string body(size, 'b');
    CHECK(read_all("\x30" + length + body, 17'000).packets ==
          std::vector<std::string>{"\x30" + body});
  }
  // More bytes than needed are no mistake in MQTT 3.1.1; a fifth one is.
  CHECK(read_all(from_hex("40 82 80 80 00 00 01"), 16).packets ==
        std::vector<std::string>{from_hex("40 00 01")});
  CHECK(read_all(from_hex("40 82 80 80 80 00 00 01"), 16) == Outcome{{}, Error::malformed, 0});
}

TEST_CASE("mqtt reader: other protocols and other flags") {
  CHECK(read_all("HTTP/1.1 400 Bad Request\r\n", 64).error == Error::malformed);
  CHECK(read_all("SSH-2.0-x", 64).error == Error::malformed);
  CHECK(read_all("\x15\x03\x01", 64).error == Error::malformed);  // an alert of TLS
  for (unsigned first = 0; first < 256; ++first) {
    CAPTURE(first);
    const std::string stream{static_cast<char>(first), '\0'};
    const unsigned type = first >> 4, flags = first & 15;
    const bool client_only = type == 1 || type == 8 || type == 10 || type == 12;
    const bool publish = type == 3 && (flags >> 1 & 3) != 3 && (flags & 14) != 8;
    const bool good =
        type != 0 && !client_only && (type == 3 ? publish : flags == (type == 6 ? 2u : 0u));
    CHECK(read_all(stream, 16).error == (good ? Error::none : Error::malformed));
    CHECK(read_all(stream.substr(0, 1), 16).error == (good ? Error::none : Error::malformed));
  }
}

TEST_CASE("mqtt reader: the next connection starts anew") {
  std::vector<std::byte> buffer(16);
  PacketReader reader{MutableBytes(buffer)};
  const auto feed = [&reader](std::string_view bytes) {
    std::memcpy(reader.room().data(), bytes.data(), bytes.size());
    reader.filled(bytes.size());
    return reader.next().kind;
  };
  CHECK(feed("H") == Kind::broken);
  reader.reset();
  CHECK(feed(from_hex("30 7F 00")) == Kind::need_more);
  reader.reset();
  CHECK(feed(from_hex("40 02")) == Kind::need_more);
  reader.reset();
  CHECK(feed(from_hex("D0 00")) == Kind::packet);
  CHECK(reader.skipped_packets() == 1);
}
