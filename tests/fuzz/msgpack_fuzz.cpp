// What is read lies in the input, and written again reads the same; passing over a value comes to
// what a walk by hand comes to; a whole value or message cut anywhere is one that has more to come.
// The messages of a Forward server keep the same promises.
#include <bit>

#include "codec/forward.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using codec::MsgpackReader;
using codec::MsgpackValue;
using codec::MsgpackWriter;
using Kind = MsgpackValue::Kind;

namespace {

void write(MsgpackWriter& out, const MsgpackValue& value) {
  switch (value.kind) {
    case Kind::nil:
      return out.nil();
    case Kind::boolean:
      return out.boolean(value.number != 0);
    case Kind::integer:
      return out.number(value.number);
    case Kind::negative:
      return out.number(static_cast<std::int64_t>(value.number));
    case Kind::real:
      return out.float64(value.real);
    case Kind::string:
      return out.string(value.bytes);
    case Kind::binary:
      return out.binary(value.bytes);
    case Kind::array:
      return out.array(value.count);
    case Kind::map:
      return out.map(value.count);
    case Kind::extension:
      return out.extension(value.extension_type, value.bytes);
  }
}

std::size_t values_inside(const MsgpackValue& value) {
  return value.kind == Kind::map ? 2u * value.count : value.count;
}

// Reals by their bits, but for NaNs: widening may change theirs.
bool same_real(double left, double right) {
  return std::bit_cast<std::uint64_t>(left) == std::bit_cast<std::uint64_t>(right) ||
         (left != left && right != right);
}

void check_written_again(const MsgpackValue& value, std::size_t bytes_read) {
  std::vector<std::byte> buffer(bytes_read + 8 + values_inside(value));
  MsgpackWriter out{MutableBytes(buffer)};
  write(out, value);
  FUZZ_CHECK(!out.overflowed());
  FUZZ_CHECK(value.kind == Kind::real || out.size() <= bytes_read);
  for (std::size_t each = 0; each < values_inside(value); ++each) out.nil();
  MsgpackReader reader(out.bytes(), {});
  const auto again = reader.next();
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(again->kind == value.kind && again->count == value.count &&
             again->number == value.number && again->extension_type == value.extension_type &&
             same_real(again->real, value.real) && again->text() == value.text());
}

// One value with what is in it, by recursion; `depth` counts what is not empty.
Error walk(MsgpackReader& reader, const fuzz::Exact& input, std::size_t depth) {
  const std::size_t before = reader.consumed();
  const auto value = reader.next();
  if (!value) {
    FUZZ_CHECK(reader.consumed() == before);
    return value.error();
  }
  FUZZ_CHECK(reader.consumed() > before && reader.consumed() <= input.bytes().size());
  FUZZ_CHECK(input.holds(value->text()));
  check_written_again(*value, reader.consumed() - before);
  const std::size_t inside = values_inside(*value);
  if (inside > 0 && depth == MsgpackReader::depth_max) return Error::too_large;
  for (std::size_t each = 0; each < inside; ++each)
    if (const Error error = walk(reader, input, depth + 1); error != Error::none) return error;
  return Error::none;
}

void check_values(const fuzz::Exact& input, std::size_t cut) {
  MsgpackReader walker(input.bytes(), {}), skipper(input.bytes(), {});
  for (;;) {
    const std::size_t start = skipper.consumed();
    const Error walked = walk(walker, input, 0);
    FUZZ_CHECK(skipper.skip().error() == walked);
    if (walked != Error::none) {
      FUZZ_CHECK(skipper.consumed() == start);
      return;
    }
    FUZZ_CHECK(skipper.consumed() == walker.consumed());
    const std::size_t size = skipper.consumed() - start;
    const fuzz::Exact part(input.text().substr(start, cut % size));
    FUZZ_CHECK(MsgpackReader(part.bytes(), {}).skip().error() == Error::closed);
  }
}

bool lies_in(const fuzz::Exact& input, const codec::ForwardHelo& helo) {
  return input.holds(as_text(helo.nonce)) && input.holds(as_text(helo.auth_salt));
}
bool lies_in(const fuzz::Exact& input, const codec::ForwardPong& pong) {
  return input.holds(pong.reason) && input.holds(pong.hostname) && input.holds(pong.digest);
}
bool lies_in(const fuzz::Exact& input, const codec::ForwardAck& ack) {
  return input.holds(ack.chunk);
}

template <class Message>
bool check_message(const fuzz::Exact& input, std::size_t cut, Message& message) {
  const auto size = codec::read_forward(input.bytes(), message);
  if (!size) return false;
  FUZZ_CHECK(*size > 0 && *size <= std::min(input.text().size(), codec::forward_reply_bytes_max));
  FUZZ_CHECK(lies_in(input, message));
  Message other;
  const fuzz::Exact part(input.text().substr(0, cut % *size));
  FUZZ_CHECK(codec::read_forward(part.bytes(), other).error() == Error::closed);
  return true;
}

void check_messages(const fuzz::Exact& input, std::size_t cut) {
  constexpr codec::ForwardSecrets secrets = {
      .hostname = "device", .shared_key = "key", .user = "user", .password = "password"};
  codec::ForwardHelo helo;
  if (check_message(input, cut, helo)) {
    FUZZ_CHECK(codec::begins_forward_helo(input.bytes()));
    std::byte buffer[codec::forward_ping_bytes_max(secrets, 4)];
    MsgpackWriter out{MutableBytes(buffer)};
    codec::write_forward_ping(out, helo, secrets, "salt");
    FUZZ_CHECK(!out.overflowed());
  }
  codec::ForwardPong pong;
  if (check_message(input, cut, pong))
    FUZZ_CHECK(!codec::proves_shared_key(pong, as_bytes("nonce"), secrets, "salt"));
  codec::ForwardAck ack;
  check_message(input, cut, ack);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input whole(data, size);
  const std::size_t cut = whole.word();
  const fuzz::Exact input(whole.rest());
  check_values(input, cut);
  check_messages(input, cut);
  return 0;
}
