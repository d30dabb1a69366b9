// Goal: messages of the Forward protocol as its specification v1 draws them, and no belief in what
// a server says. Method: byte examples from the specification, digests computed by another program,
// every truncation, a digest with any one character changed.
#include "codec/forward.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace runnel;
using namespace runnel::codec;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view salt = "0123456789abcdef0123456789abcdef";
constexpr std::string_view nonce =
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"sv;
constexpr ForwardSecrets secrets = {
    .hostname = "device", .shared_key = "secret", .user = "user", .password = "pass"};
// sha512_hex(salt + "server" + nonce + "secret"), by another program.
constexpr std::string_view server_digest =
    "0e77ba5d7db2888c86f977ea866e0936ff767fb6cd228e61f8cc15446f61c058"
    "4455689b9c79cbd86d7bb73e4736358d1a9da8f91a951c8953686c9d6aa3c4bd";

template <class Write>
std::string written(Write write, std::size_t room = 4096) {
  std::vector<std::byte> buffer(room);
  MsgpackWriter out{MutableBytes(buffer)};
  write(out);
  CHECK_FALSE(out.overflowed());
  return std::string(as_text(out.bytes()));
}

std::string time_of(std::int64_t ns) {
  return written([&](MsgpackWriter& out) { write_forward_time(out, wall_from_ns(ns)); });
}

std::string helo_message() {
  return written([](MsgpackWriter& out) {
    out.array(2);
    out.string("HELO");
    out.map(4);
    out.string("nonce");
    out.binary(as_bytes(nonce));
    out.string("auth");
    out.string("yyyy");
    out.string("later");
    out.array(2);
    out.nil();
    out.map(0);
    out.string("keepalive");
    out.boolean(false);
  });
}

std::string pong_message(bool accepted = true, std::string_view reason = "",
                         std::string_view digest = server_digest) {
  return written([&](MsgpackWriter& out) {
    out.array(5);
    out.string("PONG");
    out.boolean(accepted);
    out.string(reason);
    out.string("server");
    out.string(digest);
  });
}

template <class Message>
Error error_of(std::string_view bytes) {
  Message message;
  const auto size = read_forward(as_bytes(bytes), message);
  return size ? Error::none : size.error();
}

// What is there is read as long as it is whole, and what follows is left alone.
template <class Message>
void check_truncations(const std::string& whole) {
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    CHECK(error_of<Message>(part) == Error::closed);
  }
  const std::string longer = whole + "\xc1";
  Message message;
  const auto size = read_forward(as_bytes(longer), message);
  REQUIRE(size.has_value());
  CHECK(*size == whole.size());
}

}  // namespace

TEST_CASE("forward: event times as the specification draws them") {
  CHECK(time_of(1'500'000'000'000'000'001) == "\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x01"sv);
  CHECK(time_of(1'441'588'984'999'999'999) == "\xd7\x00\x55\xec\xe6\xf8\x3b\x9a\xc9\xff"sv);
  CHECK(time_of(0) == "\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00"sv);
  CHECK(time_of(-1) == time_of(0));
  CHECK(time_of(INT64_C(4294967295999999999)) == "\xd7\x00\xff\xff\xff\xff\x3b\x9a\xc9\xff"sv);
  CHECK(time_of(INT64_C(4294967296000000000)) == time_of(INT64_C(4294967295999999999)));
  CHECK(time_of(INT64_MAX) == time_of(INT64_C(4294967295999999999)));
  CHECK(time_of(0).size() == forward_time_bytes);
}

TEST_CASE("forward: the head and the option around entries") {
  CHECK(written([](MsgpackWriter& out) { write_forward_head(out, "tag.name", 4); }) ==
        "\x93\xa8tag.name\xc4\x04");
  CHECK(written([](MsgpackWriter& out) { write_forward_head(out, "tag.name", 300'000); }) ==
        "\x93\xa8tag.name\xc6\x00\x04\x93\xe0"sv);
  const std::string longest(70'000, 't');
  CHECK(written([&](MsgpackWriter& out) { write_forward_head(out, longest, 70'000); },
                forward_head_bytes_max(longest.size()))
            .size() == forward_head_bytes_max(longest.size()));

  CHECK(written([](MsgpackWriter& out) { write_forward_option(out, {.events = 3}); }) ==
        "\x81\xa4size\x03");
  const ForwardOption option = {
      .events = 1023, .chunk = "p8n9gmxTQVC8/nh2wlKKeQ==", .compressed = "gzip"};
  CHECK(written([&](MsgpackWriter& out) { write_forward_option(out, option); }) ==
        "\x83\xa4size\xcd\x03\xff\xa5"
        "chunk\xb8p8n9gmxTQVC8/nh2wlKKeQ==\xaa"
        "compressed\xa4gzip");
  const std::string chunk(64, 'c');
  written(
      [&](MsgpackWriter& out) {
        write_forward_option(out, {.events = UINT32_MAX, .chunk = chunk, .compressed = "gzip"});
      },
      forward_option_bytes_max);
}

TEST_CASE("forward: a chunk is 128 bits of the batch's id, always the same") {
  const ForwardChunk chunk = forward_chunk("0123:events:1:7");
  CHECK(std::string_view(chunk.data(), chunk.size()) == "OM/9j/RUf4S6H2NTlZKD/A==");
  CHECK(forward_chunk("0123:events:1:7") == chunk);
  CHECK(forward_chunk("0123:events:1:8") != chunk);
}

TEST_CASE("forward: HELO") {
  const std::string message = helo_message();
  ForwardHelo helo;
  REQUIRE(read_forward(as_bytes(message), helo).has_value());
  CHECK(as_text(helo.nonce) == nonce);
  CHECK(as_text(helo.auth_salt) == "yyyy");
  CHECK_FALSE(helo.keepalive);
  check_truncations<ForwardHelo>(message);
  CHECK(begins_forward_helo(as_bytes(message)));
  CHECK_FALSE(begins_forward_helo(as_bytes(pong_message())));

  const std::string_view least = "\x92\xa4HELO\x81\xa5nonce\xa1n"sv;
  REQUIRE(read_forward(as_bytes(least), helo).has_value());
  CHECK(helo.auth_salt.empty());
  CHECK(helo.keepalive);

  for (const std::string_view wrong :
       {"\x92\xa4HELO\x80"sv,
        "\x92\xa4HELO\x81\xa4"sv
        "auth\xa1n"sv,
        "\x92\xa4HALO\x81\xa5nonce\xa1n"sv, "\x93\xa4HELO\x81\xa5nonce\xa1n\xc0"sv,
        "\x92\xa4HELO\x81\xa5nonce\x07"sv, "\x92\xa4HELO\x81\x05\xa1n"sv, "\xc0"sv, "{\"ack\":1}"sv,
        "\x92\xa4HELO\x82\xa5nonce\xa1n\xa9keepalive\xc0"sv})
    CHECK(error_of<ForwardHelo>(wrong) == Error::malformed);
}

TEST_CASE("forward: PING is what a server computes, too") {
  const std::string message = helo_message();
  ForwardHelo helo;
  REQUIRE(read_forward(as_bytes(message), helo).has_value());
  const auto ping = [&] {
    return written([&](MsgpackWriter& out) { write_forward_ping(out, helo, secrets, salt); },
                   forward_ping_bytes_max(secrets, salt.size()));
  };
  const std::string start =
      "\x96\xa4PING\xa6"
      "device\xd9\x20" +
      std::string(salt) +
      "\xd9\x80"
      "b833f861e45bedfe732f92aa401413d6b1c96b4ffeba2c600b50fa3b6412dff2"
      "4522d663a2533e9226757022dbb05abdb8a2342b0ef113aa21bf3537c2a7ff87";
  CHECK(ping() == start +
                      "\xa4user\xd9\x80"
                      "5ec809ffde35924bad22f28dc424eb62274e6d25912e248cf7864a595e103f90"
                      "6976b4aaccf1ae2ac2f1bde8bc80a38213db84f2349431804bfdf6b1b09ee603");
  helo.auth_salt = {};  // nobody asks who we are: nobody is told
  CHECK(ping() == start + "\xa0\xa0");
}

TEST_CASE("forward: PONG, and whether its server knows the key") {
  const std::string message = pong_message();
  ForwardPong pong;
  REQUIRE(read_forward(as_bytes(message), pong).has_value());
  CHECK(pong.accepted);
  CHECK(pong.reason.empty());
  CHECK(pong.hostname == "server");
  CHECK(proves_shared_key(pong, as_bytes(nonce), secrets, salt));
  check_truncations<ForwardPong>(message);

  ForwardSecrets others = secrets;
  others.shared_key = "secrets";
  CHECK_FALSE(proves_shared_key(pong, as_bytes(nonce), others, salt));
  CHECK_FALSE(proves_shared_key(pong, as_bytes(nonce.substr(1)), secrets, salt));
  CHECK_FALSE(proves_shared_key(pong, as_bytes(nonce), secrets, salt.substr(1)));
  for (std::size_t index = 0; index < server_digest.size(); ++index) {
    std::string digest(server_digest);
    digest[index] = static_cast<char>(digest[index] ^ 1);
    pong.digest = digest;
    CHECK_FALSE(proves_shared_key(pong, as_bytes(nonce), secrets, salt));
  }
  for (const std::string_view digest : {""sv, server_digest.substr(1)}) {
    pong.digest = digest;
    CHECK_FALSE(proves_shared_key(pong, as_bytes(nonce), secrets, salt));
  }

  const std::string refusal = pong_message(false, "shared_key mismatch", "");
  REQUIRE(read_forward(as_bytes(refusal), pong).has_value());
  CHECK_FALSE(pong.accepted);
  CHECK(pong.reason == "shared_key mismatch");
  CHECK(error_of<ForwardPong>("\x92\xa4PONG\xc3") == Error::malformed);
  CHECK(error_of<ForwardPong>("\x95\xa4PONG\x01\xa0\xa0\xa0") == Error::malformed);
}

TEST_CASE("forward: acknowledgements") {
  const std::string_view example =
      "\x81\xa3"
      "ack\xb8p8n9gmxTQVC8/nh2wlKKeQ=="sv;
  ForwardAck ack;
  const auto size = read_forward(as_bytes(example), ack);
  REQUIRE(size.has_value());
  CHECK(*size == example.size());
  CHECK(ack.chunk == "p8n9gmxTQVC8/nh2wlKKeQ==");
  check_truncations<ForwardAck>(std::string(example));

  const std::string_view among_others =
      "\x83\xa1x\x92\x81\xc0\xc0\x01\xa3"
      "ack\xa1"
      "c\xa1y\xc3"sv;
  REQUIRE(read_forward(as_bytes(among_others), ack).has_value());
  CHECK(ack.chunk == "c");
  for (const std::string_view wrong : {"\x80"sv,
                                       "\x81\xa3"
                                       "axk\xa1"
                                       "c"sv,
                                       "\x81\xa3"
                                       "ack\x01"sv,
                                       "\x81\x01\x01"sv, "\xc0"sv, "\xc1"sv, "{\"ack\": \"c\"}"sv})
    CHECK(error_of<ForwardAck>(wrong) == Error::malformed);
  const std::string deep = "\x81\xa1x" + std::string(MsgpackReader::depth_max + 1, '\x91') + "\xc0";
  CHECK(error_of<ForwardAck>(deep) == Error::too_large);
}

TEST_CASE("forward: a reply has an end") {
  const auto with_name = [](std::size_t size) {
    return written([&](MsgpackWriter& out) {
      out.map(2);
      out.string(std::string(size, 'n'));
      out.nil();
      out.string("ack");
      out.string("c");
    });
  };
  const std::size_t frame = with_name(300).size() - 300;
  CHECK(error_of<ForwardAck>(with_name(forward_reply_bytes_max - frame)) == Error::none);
  CHECK(error_of<ForwardAck>(with_name(forward_reply_bytes_max - frame + 1)) == Error::too_large);
  CHECK(error_of<ForwardAck>("\xdf\xff\xff\xff\xff") == Error::too_large);
  CHECK(error_of<ForwardAck>("\x81\xdb\xff\xff\xff\xff") == Error::too_large);
}
