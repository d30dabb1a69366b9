// The body of an HTTP/1.1 message, RFC 9112 sections 6 and 7: sized, chunked, or until the
// connection ends. What is given out are parts of the caller's input: nothing is copied or kept.
//
// Strict, because what two readers understand differently can be used to smuggle: lines end in
// CRLF, and nothing else than the grammar is a chunk. Extensions and trailers are passed over. Both
// and the body have limits; each byte of input is looked at once.
//
//   "5;name=value\r\nhello\r\n0\r\nTrailer: x\r\n\r\n" gives "hello", then `end`.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace runnel::codec::http {

// How the end of a body is known (RFC 9112 section 6.3).
struct BodyFraming {
  enum class Kind : std::uint8_t { none, sized, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t size = 0;  // of a sized body
  bool operator==(const BodyFraming&) const = default;
};

class BodyReader {
 public:
  static constexpr std::uint32_t extension_bytes_max = 4096;  // all of a body together
  static constexpr std::uint32_t trailer_bytes_max = 8192;    // all lines together

  struct Step {
    enum class Kind : std::uint8_t {
      data,       // `data` is the next part of the body; look again at what is behind `consumed`
      need_more,  // all of the input is consumed
      end,        // the body is whole; what is behind `consumed` is the next message
      broken,     // for good; `error` says why
    };
    Kind kind = Kind::need_more;
    Error error = Error::none;  // malformed, too_large (a limit), closed (`finish` before the end)
    Bytes data;                 // not empty; as valid as the input
    std::size_t consumed = 0;   // bytes of the input that need not be shown again
  };

  BodyReader() = default;  // of a message without a body
  // A body that is longer than `body_bytes_max`, chunks put together, is `too_large`: a sized one
  // at the first look, a chunked one as soon as a chunk says so.
  explicit BodyReader(BodyFraming framing, std::uint64_t body_bytes_max = UINT64_MAX);

  // `input`: what came behind what has been consumed. May be empty: a body can end without more.
  Step next(Bytes input);
  // The peer has closed the connection: `end` for one that ends so, or has ended; else `broken`.
  Step finish();

  bool ended() const { return phase_ == Phase::ended; }
  std::uint64_t body_bytes() const { return given_; }  // given out so far

 private:
  enum class Phase : std::uint8_t {
    ended,
    broken,
    counted,     // `left_` bytes of a sized body
    open_ended,  // until the connection ends
    chunk_size,
    size_space,  // behind the digits: only blanks so far
    extension,
    size_lf,
    chunk_data,  // `left_` bytes of a chunk
    data_cr,
    data_lf,
    trailer_start,  // at the start of a line behind the last chunk
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
  };

  Step part(Bytes input, std::size_t at);
  Step broken(Error error);
  Error chunk_line(std::uint8_t byte);
  Error extension_byte(std::uint8_t byte);
  Error chunk_begins();
  Error trailer(std::uint8_t byte);

  std::uint64_t left_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t bytes_max_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  Phase phase_ = Phase::ended;
  Error error_ = Error::none;
  std::uint8_t digits_ = 0;
};

}  // namespace runnel::codec::http
