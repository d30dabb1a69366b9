// Goal: what servers say of themselves and answer to a publish is understood, whatever else they
// put in, and nothing that is not JSON or of another type; what we say of ourselves is escaped and
// never half. Method: texts of nats-server 2.9 and 2.11; every truncation; wrong types.
#include "codec/nats_json.hpp"

#include <array>
#include <string>

#include <doctest/doctest.h>

#include "base/text.hpp"

using namespace runnel;

namespace {

constexpr std::string_view info_text =
    R"({"server_id":"NDJWE4SOUJOJT","server_name":"n1","version":"2.9.10","proto":1,)"
    R"("go":"go1.19.8","host":"127.0.0.1","port":4222,"headers":true,"auth_required":true,)"
    R"("tls_required":true,"tls_verify":true,"max_payload":1048576,"jetstream":true,)"
    R"("client_id":5,"client_ip":"127.0.0.1","nonce":"w3KXo4","cluster":"edge","ldm":true,)"
    R"("connect_urls":["10.0.0.1:4222","[::1]:4222","a\u0000b:1"],"domain":"hub"})";

struct Read {
  Result<codec::NatsInfo> info;
  std::string urls;
};
Read read_info(std::string_view json) {
  Read read;
  read.info = codec::parse_nats_info(
      json, [&](std::string_view url) { read.urls += std::string(url) + " "; });
  return read;
}

std::string connect_line(const codec::NatsConnect& connect) {
  std::array<std::byte, 512> room;
  const auto size = codec::write_nats_connect(connect, room);
  REQUIRE(size.has_value());
  return std::string(as_text(Bytes(room).first(*size)));
}

}  // namespace

TEST_CASE("nats json: info") {
  const auto [info, urls] = read_info(info_text);
  REQUIRE(info.has_value());
  CHECK(info->server_id == "NDJWE4SOUJOJT");
  CHECK(info->server_name == "n1");
  CHECK(info->version == "2.9.10");
  CHECK(info->max_payload == 1048576);
  CHECK(info->headers);
  CHECK(info->jetstream);
  CHECK(info->auth_required);
  CHECK(info->tls_required);
  CHECK(!info->tls_available);
  CHECK(info->nonce);
  CHECK(info->lame_duck);
  CHECK(urls == "10.0.0.1:4222 [::1]:4222 ");
}

TEST_CASE("nats json: an info that says little") {
  const auto [info, urls] = read_info(R"({"max_payload":17,"connect_urls":null})");
  REQUIRE(info.has_value());
  CHECK(info->max_payload == 17);
  CHECK(info->server_id.empty());
  CHECK(!info->headers);
  CHECK(!info->nonce);
  CHECK(urls.empty());
  CHECK(read_info("{}").info->max_payload == 1048576);
}

TEST_CASE("nats json: every truncation of an info, and wrong types") {
  for (std::size_t size = 0; size < info_text.size(); ++size)
    CHECK(!read_info(info_text.substr(0, size)).info.has_value());
  CHECK(!read_info(std::string(info_text) + "}").info.has_value());
  for (const std::string_view text :
       {R"([])", R"("x")", R"({"server_id":1})", R"({"max_payload":"1"})", R"({"max_payload":-1})",
        R"({"max_payload":1.5})", R"({"headers":1})", R"({"tls_required":null})",
        R"({"connect_urls":{}})", R"({"connect_urls":[1]})", R"({"connect_urls":["a:1",["b:2"]]})"})
    CHECK(read_info(text).info.error() == Error::malformed);
}

TEST_CASE("nats json: connect") {
  CHECK(connect_line({.name = "edge", .version = "1.0"}) ==
        R"(CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"echo":false,)"
        R"("headers":true,"no_responders":true,"protocol":1,"lang":"c++","name":"edge",)"
        R"("version":"1.0"})"
        "\r\n");
  const std::string line =
      connect_line({.user = "u\"\n", .password = "p\\", .token = "t", .tls = true});
  CHECK(line.find(R"("tls_required":true,)") != std::string::npos);
  CHECK(line.ends_with(R"("user":"u\"\n","pass":"p\\","auth_token":"t"})"
                       "\r\n"));
}

TEST_CASE("nats json: a connect that does not fit") {
  const codec::NatsConnect connect{.user = "somebody", .password = "secret"};
  const std::size_t size = connect_line(connect).size();
  for (std::size_t room = 0; room < size; ++room) {
    std::array<std::byte, 512> bytes;
    CHECK(codec::write_nats_connect(connect, MutableBytes(bytes).first(room)).error() ==
          Error::too_large);
  }
  std::array<std::byte, 512> bytes;
  CHECK(codec::write_nats_connect(connect, MutableBytes(bytes).first(size)) == size);
}

TEST_CASE("nats json: answers to a publish") {
  const std::string_view text = R"({"stream":"LOG","domain":"hub","seq":18446744073709551615})";
  const auto ack = codec::parse_nats_publish_ack(text);
  REQUIRE(ack.has_value());
  CHECK(ack->accepted);
  CHECK(!ack->duplicate);
  CHECK(ack->stream == "LOG");
  CHECK(ack->sequence == UINT64_MAX);
  CHECK(!ack->refused_for_good());
  const auto again =
      codec::parse_nats_publish_ack(R"({"stream":"LOG", "seq":7,"duplicate": true})");
  REQUIRE(again.has_value());
  CHECK(again->accepted);
  CHECK(again->duplicate);
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(codec::parse_nats_publish_ack(text.substr(0, size)).error() == Error::malformed);
}

TEST_CASE("nats json: refusals of a publish") {
  const std::string_view text =
      R"({"error":{"code":503,"err_code":10077,"description":"maximum \"bytes\" exceeded"},)"
      R"("stream":"LOG","seq":0})";
  const auto full = codec::parse_nats_publish_ack(text);
  REQUIRE(full.has_value());
  CHECK(!full->accepted);
  CHECK(full->code == 503);
  CHECK(full->err_code == 10077);
  CHECK(full->description == R"(maximum \"bytes\" exceeded)");
  CHECK(!full->refused_for_good());
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(!codec::parse_nats_publish_ack(text.substr(0, size)).has_value());

  const auto refused_for_good = [](std::uint64_t err_code) {
    const std::string json = concat(R"({"error":{"code":400,"err_code":)", err_code,
                                    R"(,"new":[]},"stream":"L","seq":0})");
    return codec::parse_nats_publish_ack(json)->refused_for_good();
  };
  CHECK(refused_for_good(10054));
  CHECK(refused_for_good(10097));
  CHECK(!refused_for_good(10008));
  CHECK(!refused_for_good(10158));
  CHECK(!codec::parse_nats_publish_ack(R"({"error":{}})")->accepted);
}

TEST_CASE("nats json: what is no answer to a publish") {
  for (const std::string_view json :
       {"", "+OK", "{}", "[]", R"({"stream":"LOG"})", R"({"seq":1})", R"({"stream":"","seq":1})",
        R"({"stream":"LOG","seq":"1"})", R"({"stream":"LOG","seq":-1})", R"({"stream":1,"seq":1})",
        R"({"stream":"LOG","seq":1,"duplicate":1})", R"({"error":null,"stream":"LOG","seq":1})",
        R"({"error":{"code":"503"}})", R"({"stream":"LOG","seq":1} x)"})
    CHECK(codec::parse_nats_publish_ack(json).error() == Error::malformed);
}
