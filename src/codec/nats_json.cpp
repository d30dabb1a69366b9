#include "codec/nats_json.hpp"

#include "codec/json.hpp"
#include "codec/json_reader.hpp"
#include "codec/nats.hpp"

namespace runnel::codec {
namespace {

using Token = JsonReader::Token;

// Over the members of an object that has begun. `member` reads the value of the key, or leaves it:
// then it is passed over. False: it is not JSON, or `member` said so.
template <class Member>
bool each_member(JsonReader& reader, Member&& member) {
  for (;;) {
    const Token token = reader.next();
    if (token == Token::end_object) return true;
    if (token != Token::key || !member()) return false;
  }
}

bool read(JsonReader& reader, bool& value) {
  if (reader.next() != Token::boolean) return false;
  value = reader.boolean();
  return true;
}

bool read(JsonReader& reader, std::string_view& value) {
  if (reader.next() != Token::string) return false;
  value = reader.raw();
  return true;
}

bool read(JsonReader& reader, std::uint64_t& value) {
  if (reader.next() != Token::number) return false;
  const auto number = reader.unsigned_number();
  if (number) value = *number;
  return number.has_value();
}

bool pass_over(JsonReader& reader) {
  reader.skip();
  return true;
}

// An address has nothing to escape: one with escapes is none.
bool read_urls(JsonReader& reader, NatsUrlVisitor each_url) {
  const Token begin = reader.next();
  if (begin == Token::null) return true;
  if (begin != Token::begin_array) return false;
  for (;;) {
    const Token token = reader.next();
    if (token == Token::end_array) return true;
    if (token != Token::string) return false;
    if (!reader.escaped()) each_url(reader.raw());
  }
}

bool read_info(JsonReader& reader, NatsInfo& info, NatsUrlVisitor each_url) {
  return each_member(reader, [&] {
    if (reader.is("server_id")) return read(reader, info.server_id);
    if (reader.is("server_name")) return read(reader, info.server_name);
    if (reader.is("version")) return read(reader, info.version);
    if (reader.is("max_payload")) return read(reader, info.max_payload);
    if (reader.is("headers")) return read(reader, info.headers);
    if (reader.is("jetstream")) return read(reader, info.jetstream);
    if (reader.is("auth_required")) return read(reader, info.auth_required);
    if (reader.is("tls_required")) return read(reader, info.tls_required);
    if (reader.is("tls_available")) return read(reader, info.tls_available);
    if (reader.is("ldm")) return read(reader, info.lame_duck);
    if (reader.is("connect_urls")) return read_urls(reader, each_url);
    info.nonce = info.nonce || reader.is("nonce");
    return pass_over(reader);
  });
}

bool read_error(JsonReader& reader, NatsPublishAck& ack) {
  if (reader.next() != Token::begin_object) return false;
  return each_member(reader, [&] {
    if (reader.is("code")) return read(reader, ack.code);
    if (reader.is("err_code")) return read(reader, ack.err_code);
    if (reader.is("description")) return read(reader, ack.description);
    return pass_over(reader);
  });
}

}  // namespace

Result<NatsInfo> parse_nats_info(std::string_view json, NatsUrlVisitor each_url) {
  JsonReader reader(json);
  NatsInfo info;
  if (reader.next() != Token::begin_object || !read_info(reader, info, each_url) ||
      reader.next() != Token::end)
    return fail(Error::malformed);
  return info;
}

Result<std::size_t> write_nats_connect(const NatsConnect& connect, MutableBytes into) {
  constexpr std::string_view name = "CONNECT ";
  if (into.size() < name.size() + nats_line_end.size()) return fail(Error::too_large);
  put_bytes(into.data(), as_bytes(name));
  JsonWriter json(into.subspan(name.size(), into.size() - name.size() - nats_line_end.size()));
  const auto text = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    json.key(key);
    json.string(value);
  };
  const auto flag = [&](std::string_view key, bool value) {
    json.key(key);
    json.boolean(value);
  };
  json.begin_object();
  flag("verbose", false);
  flag("pedantic", false);
  flag("tls_required", connect.tls);
  flag("echo", false);
  flag("headers", true);
  flag("no_responders", true);
  json.key("protocol");  // 1: an INFO may come at any time
  json.number(1);
  text("lang", "c++");
  text("name", connect.name);
  text("version", connect.version);
  text("user", connect.user);
  text("pass", connect.password);
  text("auth_token", connect.token);
  json.end_object();
  if (json.overflowed()) return fail(Error::too_large);
  const std::size_t size = name.size() + json.size();
  put_bytes(into.data() + size, as_bytes(nats_line_end));
  return size + nats_line_end.size();
}

bool NatsPublishAck::refused_for_good() const {
  constexpr std::uint64_t message_exceeds_maximum = 10054, header_exceeds_maximum = 10097;
  return !accepted && (err_code == message_exceeds_maximum || err_code == header_exceeds_maximum);
}

Result<NatsPublishAck> parse_nats_publish_ack(std::string_view json) {
  JsonReader reader(json);
  NatsPublishAck ack;
  bool error = false, sequence = false;
  const auto member = [&] {
    if (reader.is("stream")) return read(reader, ack.stream);
    if (reader.is("seq")) return sequence = read(reader, ack.sequence);
    if (reader.is("duplicate")) return read(reader, ack.duplicate);
    if (reader.is("error")) return error = read_error(reader, ack);
    return pass_over(reader);
  };
  if (reader.next() != Token::begin_object || !each_member(reader, member) ||
      reader.next() != Token::end)
    return fail(Error::malformed);
  ack.accepted = !error;
  if (ack.accepted && (!sequence || ack.stream.empty())) return fail(Error::malformed);
  return ack;
}

}  // namespace runnel::codec
