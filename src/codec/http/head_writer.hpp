// Writes the head of a request or a response (RFC 9112) into a fixed buffer. What could break out
// of its place, a line end in a value or a blank in a target, makes the whole head `malformed`; the
// caller asks once, at the end.
//
//   Text<512> text;
//   HeadWriter head(text);
//   head.request("POST", "/api/v1/push", "loki:3100").field("Content-Length", 17u);
//   const Status good = head.end();
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::codec::http {

class HeadWriter {
 public:
  explicit HeadWriter(TextWriter& out) : out_(out) {}

  // The first line and Host (an empty one is what its absence means). `target`: "/path?query", or
  // "host:port" for CONNECT; visible ASCII.
  HeadWriter& request(std::string_view method, std::string_view target, std::string_view host);
  // The first line, with the reason phrase that belongs to the status (none: an unusual one).
  HeadWriter& response(std::uint16_t status);

  HeadWriter& field(std::string_view name, std::string_view value);
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  HeadWriter& field(std::string_view name, T number) {
    return begin(name).add_number(number).end_line();
  }
  // A value in parts: begin("Authorization").add("Basic ").add(secret).end_line().
  HeadWriter& begin(std::string_view name);
  HeadWriter& add(std::string_view part);
  HeadWriter& add_number(std::uint64_t number);
  HeadWriter& end_line();

  // The empty line. `malformed`, or `too_large` if the buffer was: then nothing may be sent.
  Status end();

 private:
  TextWriter& out_;
  bool malformed_ = false;
};

// "Not Found"; empty for one that RFC 9110 and RFC 6585 do not name, or that is not sent here.
std::string_view reason_of(std::uint16_t status);

}  // namespace runnel::codec::http
