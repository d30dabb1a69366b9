// What the two targets of HTTP share: a body read in pieces of any size, and what holds for every
// head that was accepted.
#pragma once

#include "codec/http/body.hpp"
#include "codec/http/fields.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace runnel::fuzz {

namespace http = codec::http;

struct BodyOutcome {
  std::string body;
  std::size_t consumed = 0;
  bool ended = false;
  Error error = Error::none;
  bool operator==(const BodyOutcome&) const = default;
};

// In pieces of at most `piece` bytes, then the end of the connection.
inline BodyOutcome read_body(http::BodyFraming framing, std::string_view text, std::size_t piece,
                             std::uint64_t bytes_max) {
  using Kind = http::BodyReader::Step::Kind;
  http::BodyReader reader(framing, bytes_max);
  BodyOutcome outcome;
  for (;;) {
    const Exact input(text.substr(0, piece));
    const auto step = reader.next(input.bytes());
    FUZZ_CHECK(step.consumed <= input.bytes().size());
    outcome.consumed += step.consumed;
    text.remove_prefix(step.consumed);
    if (step.kind == Kind::data) {
      FUZZ_CHECK(!step.data.empty() && input.holds(as_text(step.data)));
      outcome.body += as_text(step.data);
      FUZZ_CHECK(outcome.body.size() <= bytes_max && reader.body_bytes() == outcome.body.size());
      continue;
    }
    outcome.ended = step.kind == Kind::end;
    outcome.error = step.error;
    if (step.kind != Kind::need_more || text.empty()) break;
    FUZZ_CHECK(step.consumed > 0);
  }
  FUZZ_CHECK(outcome.ended == reader.ended());
  if (!outcome.ended && outcome.error == Error::none) outcome.error = reader.finish().error;
  return outcome;
}

inline void check_body(http::BodyFraming framing, std::string_view text, std::size_t piece,
                       std::uint64_t bytes_max) {
  const BodyOutcome whole = read_body(framing, text, text.size(), bytes_max);
  const BodyOutcome split = read_body(framing, text, piece, bytes_max);
  FUZZ_CHECK(whole.error == split.error && whole.ended == split.ended);
  if (whole.error != Error::none) return;
  FUZZ_CHECK(whole == split);
  if (framing.kind != http::BodyFraming::Kind::chunked) return;
  // Written again in the plainest form it is the same body, and ends at its last byte.
  std::string plain;
  for (const char c : whole.body) plain += std::string("1\r\n") + c + "\r\n";
  plain += "0\r\n\r\n";
  const BodyOutcome again = read_body(framing, plain, piece, bytes_max);
  FUZZ_CHECK(again.ended && again.body == whole.body && again.consumed == plain.size());
}

inline void check_fields(const http::Fields& fields, const Exact& input) {
  std::size_t count = 0;
  fields.each([&](const http::Field& field) {
    ++count;
    FUZZ_CHECK(input.holds(field.name) && http::is_token(field.name));
    FUZZ_CHECK(input.holds(field.value) && http::is_value(field.value));
    FUZZ_CHECK(http::without_blanks(field.value) == field.value);
    FUZZ_CHECK(fields.find(field.name).has_value());
  });
  FUZZ_CHECK(count <= 16);
}

}  // namespace runnel::fuzz
