// The head of an HTTP/1.1 response (RFC 9112 section 4 and 6.3), for a client. Interim responses
// (1xx) in front of it are passed over; they count towards the limit.
//
//   "HTTP/1.1 204 No Content\r\nDate: ...\r\n\r\n": status 204, no body, the connection stays.
//
// Refused: what HeadEnd and Fields refuse, another major version, a status outside of 100 to 599,
// framing that two readers could understand differently, and a switch of protocols (101): nobody
// here asks for one.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "codec/http/body.hpp"
#include "codec/http/fields.hpp"

namespace runnel::codec::http {

// What was asked for decides whether the answer has a body.
enum class Asked : std::uint8_t {
  ordinary,
  head,    // HEAD: no body
  tunnel,  // CONNECT: with a status of 2xx what follows is the tunnel, not a body
};

// Views into the bytes the reader was shown.
struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  Fields fields;
  BodyFraming body;
  // Another request may follow, once the body was read to its end.
  bool keep_alive = false;
};

class ResponseReader {
 public:
  struct Step {
    enum class Kind : std::uint8_t { need_more, head, broken };
    Kind kind = Kind::need_more;
    Error error = Error::none;  // malformed, too_large, unsupported
    std::size_t consumed = 0;   // `head`: the body begins here
  };

  explicit ResponseReader(Asked asked, HeadLimits limits = {}) : limits_(limits), asked_(asked) {}

  // `so_far`: everything that has come since the request was sent: what the last call was shown,
  // and more (it may have moved). After `head` and `broken` no further call.
  Step look(Bytes so_far, ResponseHead& head);

 private:
  Step broken(Error error) { return {Step::Kind::broken, error, 0}; }
  Error read(std::string_view text, ResponseHead& head) const;

  HeadLimits limits_;
  HeadEnd end_;
  std::size_t begin_ = 0;  // of this head: behind the interim ones
  Asked asked_;
};

}  // namespace runnel::codec::http
