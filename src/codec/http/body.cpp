#include "codec/http/body.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/http/grammar.hpp"

namespace runnel::codec::http {
namespace {

constexpr std::uint8_t digits_max = 16;  // what 64 bits hold

// 0 to 15, or 16 for what is no digit.
constexpr std::uint8_t hex_value(std::uint8_t byte) {
  if (is_digit(byte)) return static_cast<std::uint8_t>(byte - '0');
  const auto small = static_cast<std::uint8_t>(byte | 0x20);
  if (small >= 'a' && small <= 'f') return static_cast<std::uint8_t>(small - 'a' + 10);
  return 16;
}

}  // namespace

BodyReader::BodyReader(BodyFraming framing, std::uint64_t body_bytes_max)
    : bytes_max_(body_bytes_max) {
  switch (framing.kind) {
    case BodyFraming::Kind::none:
      break;
    case BodyFraming::Kind::sized:
      left_ = framing.size;
      if (left_ > bytes_max_)
        broken(Error::too_large);
      else if (left_ > 0)
        phase_ = Phase::counted;
      break;
    case BodyFraming::Kind::chunked:
      phase_ = Phase::chunk_size;
      break;
    case BodyFraming::Kind::until_close:
      phase_ = Phase::open_ended;
      break;
  }
}

// Every turn of the loop takes one byte, or returns.
BodyReader::Step BodyReader::next(Bytes input) {
  for (std::size_t at = 0;;) {
    if (phase_ == Phase::broken) return broken(error_);
    if (phase_ == Phase::ended) return {Step::Kind::end, Error::none, {}, at};
    if (at == input.size()) return {Step::Kind::need_more, Error::none, {}, at};
    if (phase_ == Phase::counted || phase_ == Phase::open_ended || phase_ == Phase::chunk_data)
      return part(input, at);
    const auto byte = std::to_integer<std::uint8_t>(input[at++]);
    const Error error = phase_ < Phase::trailer_start ? chunk_line(byte) : trailer(byte);
    if (error != Error::none) return broken(error);
  }
}

BodyReader::Step BodyReader::finish() {
  if (phase_ == Phase::broken) return broken(error_);
  if (phase_ != Phase::ended && phase_ != Phase::open_ended) return broken(Error::closed);
  phase_ = Phase::ended;
  return {Step::Kind::end, Error::none, {}, 0};
}

BodyReader::Step BodyReader::broken(Error error) {
  phase_ = Phase::broken;
  error_ = error;
  return {Step::Kind::broken, error, {}, 0};
}

BodyReader::Step BodyReader::part(Bytes input, std::size_t at) {
  RUNNEL_ASSERT(at < input.size() && given_ <= bytes_max_);
  const std::uint64_t here = input.size() - at;
  const bool open_ended = phase_ == Phase::open_ended;
  if (open_ended && here > bytes_max_ - given_) return broken(Error::too_large);
  const std::uint64_t taken = open_ended ? here : std::min(left_, here);
  given_ += taken;
  if (!open_ended) {
    left_ -= taken;
    if (left_ == 0) phase_ = phase_ == Phase::counted ? Phase::ended : Phase::data_cr;
  }
  const auto size = static_cast<std::size_t>(taken);
  return {Step::Kind::data, Error::none, input.subspan(at, size), at + size};
}

// chunk-size [ chunk-ext ] CRLF, and the CRLF behind the data of a chunk (section 7.1).
Error BodyReader::chunk_line(std::uint8_t byte) {
  switch (phase_) {
    case Phase::chunk_size: {
      const std::uint8_t value = hex_value(byte);
      if (value < 16) {
        if (digits_ == digits_max) return Error::malformed;
        ++digits_;
        left_ = left_ << 4 | value;
        return Error::none;
      }
      if (digits_ == 0) return Error::malformed;
      phase_ = byte == '\r' ? Phase::size_lf : Phase::size_space;
      return byte == '\r' ? Error::none : chunk_line(byte);
    }
    case Phase::size_space:
      // Blanks may stand before an extension, not before the end of the line.
      if (byte == ';') phase_ = Phase::extension;
      return byte == ';' || is_blank(byte) ? extension_byte(byte) : Error::malformed;
    case Phase::extension:
      if (byte == '\r') phase_ = Phase::size_lf;
      return byte == '\r' ? Error::none : extension_byte(byte);
    case Phase::size_lf:
      return byte == '\n' ? chunk_begins() : Error::malformed;
    case Phase::data_cr:
      phase_ = Phase::data_lf;
      return byte == '\r' ? Error::none : Error::malformed;
    default:
      RUNNEL_ASSERT(phase_ == Phase::data_lf);
      phase_ = Phase::chunk_size;
      digits_ = 0;
      return byte == '\n' ? Error::none : Error::malformed;
  }
}

// What an extension says is nobody's business here, but it cannot hold a line end.
Error BodyReader::extension_byte(std::uint8_t byte) {
  if (!is_value(byte)) return Error::malformed;
  return ++extension_bytes_ > extension_bytes_max ? Error::too_large : Error::none;
}

Error BodyReader::chunk_begins() {
  if (left_ == 0) {
    phase_ = Phase::trailer_start;
    return Error::none;
  }
  phase_ = Phase::chunk_data;
  return left_ > bytes_max_ - given_ ? Error::too_large : Error::none;
}

// *( field-line CRLF ) CRLF (section 7.1.2); a line that begins with a blank would be a folded one.
Error BodyReader::trailer(std::uint8_t byte) {
  if (++trailer_bytes_ > trailer_bytes_max) return Error::too_large;
  switch (phase_) {
    case Phase::trailer_start:
      phase_ = byte == '\r' ? Phase::last_lf : Phase::trailer_name;
      return byte == '\r' || is_token(byte) ? Error::none : Error::malformed;
    case Phase::trailer_name:
      if (byte == ':') phase_ = Phase::trailer_value;
      return byte == ':' || is_token(byte) ? Error::none : Error::malformed;
    case Phase::trailer_value:
      if (byte == '\r') phase_ = Phase::trailer_lf;
      return byte == '\r' || is_value(byte) ? Error::none : Error::malformed;
    case Phase::trailer_lf:
      phase_ = Phase::trailer_start;
      return byte == '\n' ? Error::none : Error::malformed;
    default:
      RUNNEL_ASSERT(phase_ == Phase::last_lf);
      phase_ = Phase::ended;
      return byte == '\n' ? Error::none : Error::malformed;
  }
}

}  // namespace runnel::codec::http
