#include "codec/forward.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/base64.hpp"

namespace runnel::codec {
namespace {

using Kind = MsgpackValue::Kind;

constexpr MsgpackReader::Limits reply_limits = {.bytes_max = forward_reply_bytes_max,
                                                .count_max = 64};

std::string_view text_of(const Sha512::HexDigest& digest) { return {digest.data(), digest.size()}; }

Sha512::HexDigest shared_key_digest(std::string_view salt, std::string_view hostname, Bytes nonce,
                                    std::string_view shared_key) {
  return Sha512().add(salt).add(hostname).add(nonce).add(shared_key).finish_hex();
}

// Takes the values of one message. Of a mistake the first counts; after it everything is empty.
class ReplyReader {
 public:
  explicit ReplyReader(Bytes input)
      : whole_(input.size() <= forward_reply_bytes_max),
        reader_(input.first(std::min(input.size(), forward_reply_bytes_max)), reply_limits) {}

  // Of an array the values, of a map the pairs that follow.
  std::uint32_t count(Kind kind) {
    const MsgpackValue value = next();
    expect(value.kind == kind);
    return good() ? value.count : 0;
  }
  Bytes text() {
    const MsgpackValue value = next();
    expect(value.is_text());
    return good() ? value.bytes : Bytes{};
  }
  bool boolean() {
    const MsgpackValue value = next();
    expect(value.kind == Kind::boolean);
    return good() && value.number != 0;
  }
  void skip() {
    if (good()) error_ = reader_.skip().error();
  }
  void expect(bool condition) {
    if (good() && !condition) error_ = Error::malformed;
  }
  bool good() const { return error_ == Error::none; }

  Result<std::size_t> finish() const {
    if (good()) return reader_.consumed();
    // The input was longer than any message may be, and the message longer than that.
    return fail(error_ == Error::closed && !whole_ ? Error::too_large : error_);
  }

 private:
  MsgpackValue next() {
    if (!good()) return {};
    const auto value = reader_.next();
    if (value) return *value;
    error_ = value.error();
    return {};
  }

  bool whole_;
  MsgpackReader reader_;
  Error error_ = Error::none;
};

void read_helo_option(ReplyReader& reader, ForwardHelo& helo, bool& has_nonce) {
  const std::string_view name = as_text(reader.text());
  if (name == "nonce") {
    helo.nonce = reader.text();
    has_nonce = true;
  } else if (name == "auth") {
    helo.auth_salt = reader.text();
  } else if (name == "keepalive") {
    helo.keepalive = reader.boolean();
  } else {
    reader.skip();
  }
}

}  // namespace

void write_forward_time(MsgpackWriter& out, WallTime time) {
  constexpr std::int64_t second = 1'000'000'000;
  constexpr std::int64_t last = UINT32_MAX * second + second - 1;
  const std::int64_t ns = std::clamp<std::int64_t>(time.time_since_epoch().count(), 0, last);
  std::byte encoded[forward_time_bytes] = {std::byte{0xd7}, std::byte{0x00}};
  store_big(encoded + 2, static_cast<std::uint32_t>(ns / second));
  store_big(encoded + 6, static_cast<std::uint32_t>(ns % second));
  out.encoded(encoded);
}

void write_forward_head(MsgpackWriter& out, std::string_view tag, std::size_t entries_bytes) {
  out.array(3);
  out.string(tag);
  out.binary_head(entries_bytes);
}

void write_forward_option(MsgpackWriter& out, const ForwardOption& option) {
  RUNNEL_ASSERT(option.chunk.size() <= 64);
  out.map(1u + !option.chunk.empty() + !option.compressed.empty());
  out.string("size");
  out.number(option.events);
  if (!option.chunk.empty()) {
    out.string("chunk");
    out.string(option.chunk);
  }
  if (!option.compressed.empty()) {
    out.string("compressed");
    out.string(option.compressed);
  }
}

ForwardChunk forward_chunk(std::string_view id) {
  const Sha512::Digest digest = Sha512().add(id).finish();
  ForwardChunk chunk;
  TextWriter out{std::span<char>(chunk)};
  write_base64(out, Bytes(digest).first<16>());
  RUNNEL_ASSERT(out.size() == chunk.size() && !out.cut());
  return chunk;
}

Result<std::size_t> read_forward(Bytes input, ForwardHelo& helo) {
  ReplyReader reader(input);
  helo = {};
  reader.expect(reader.count(Kind::array) == 2);
  reader.expect(as_text(reader.text()) == "HELO");
  const std::uint32_t pairs = reader.count(Kind::map);
  bool has_nonce = false;
  for (std::uint32_t pair = 0; pair < pairs && reader.good(); ++pair)
    read_helo_option(reader, helo, has_nonce);
  reader.expect(has_nonce);
  return reader.finish();
}

Result<std::size_t> read_forward(Bytes input, ForwardPong& pong) {
  ReplyReader reader(input);
  reader.expect(reader.count(Kind::array) == 5);
  reader.expect(as_text(reader.text()) == "PONG");
  pong.accepted = reader.boolean();
  pong.reason = as_text(reader.text());
  pong.hostname = as_text(reader.text());
  pong.digest = as_text(reader.text());
  return reader.finish();
}

Result<std::size_t> read_forward(Bytes input, ForwardAck& ack) {
  ReplyReader reader(input);
  ack = {};
  const std::uint32_t pairs = reader.count(Kind::map);
  bool has_ack = false;
  for (std::uint32_t pair = 0; pair < pairs && reader.good(); ++pair) {
    if (as_text(reader.text()) == "ack") {
      ack.chunk = as_text(reader.text());
      has_ack = true;
    } else {
      reader.skip();
    }
  }
  reader.expect(has_ack);
  return reader.finish();
}

bool begins_forward_helo(Bytes input) {
  ReplyReader reader(input);
  reader.expect(reader.count(Kind::array) == 2);
  reader.expect(as_text(reader.text()) == "HELO");
  return reader.good();
}

void write_forward_ping(MsgpackWriter& out, const ForwardHelo& helo, const ForwardSecrets& secrets,
                        std::string_view salt) {
  const auto proof = shared_key_digest(salt, secrets.hostname, helo.nonce, secrets.shared_key);
  out.array(6);
  out.string("PING");
  out.string(secrets.hostname);
  out.string(salt);
  out.string(text_of(proof));
  if (helo.auth_salt.empty()) {
    out.string("");
    out.string("");
    return;
  }
  const auto password =
      Sha512().add(helo.auth_salt).add(secrets.user).add(secrets.password).finish_hex();
  out.string(secrets.user);
  out.string(text_of(password));
}

bool proves_shared_key(const ForwardPong& pong, Bytes nonce, const ForwardSecrets& secrets,
                       std::string_view salt) {
  const auto expected = shared_key_digest(salt, pong.hostname, nonce, secrets.shared_key);
  if (pong.digest.size() != expected.size()) return false;
  unsigned difference = 0;
  for (std::size_t index = 0; index < expected.size(); ++index)
    difference |= static_cast<unsigned char>(pong.digest[index] ^ expected[index]);
  return difference == 0;
}

}  // namespace runnel::codec
