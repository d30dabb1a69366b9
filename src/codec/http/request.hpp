// The head of an HTTP/1.1 request (RFC 9112 section 3), for a server. An empty line in front of it
// is passed over (section 2.2).
//
//   "GET /metrics?x=1 HTTP/1.1\r\nHost: edge:9190\r\n\r\n": get, path "/metrics", query "x=1".
//
// Strict, because a proxy in front may understand otherwise and let a second request slip through:
// what HeadEnd and Fields refuse, Host missing or twice (HTTP/1.1), Content-Length twice or beside
// Transfer-Encoding, codings other than chunked, blanks of other kinds in the first line. A refusal
// is the status to answer with, after which the connection is closed.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "codec/http/body.hpp"
#include "codec/http/fields.hpp"

namespace runnel::codec::http {

enum class Method : std::uint8_t { get, head, post, put, patch, remove, options, trace, other };

struct RequestLimits {
  HeadLimits head;
  std::uint32_t target_bytes_max = 2048;
};

// Views into the bytes the reader was shown.
struct RequestHead {
  Method method = Method::other;
  std::string_view method_name;
  std::string_view
      path;  // begins with '/', or is "*" (OPTIONS); escapes (%2F) are left as they are
  std::string_view query;  // behind the '?', which is not part of it
  std::string_view host;   // with its port; empty only in HTTP/1.0 or if the client says so
  Fields fields;
  BodyFraming body;  // none, sized or chunked
  std::uint32_t minor_version = 1;
  bool keep_alive = false;
  bool expects_continue =
      false;  // waits for 100 before it sends its body (RFC 9110 section 10.1.1)
};

class RequestReader {
 public:
  struct Step {
    enum class Kind : std::uint8_t { need_more, head, broken };
    Kind kind = Kind::need_more;
    // `broken`: 400 (malformed), 414 (target), 417 (an expectation nobody knows), 431 (head),
    // 501 (a coding or CONNECT), 505 (version).
    std::uint16_t status = 0;
    std::size_t consumed = 0;  // `head`: the body begins here
  };

  explicit RequestReader(RequestLimits limits = {}) : limits_(limits) {}

  // `so_far`: everything since the last request ended: what the last call was shown, and more (it
  // may have moved). After `head` and `broken` no further call.
  Step look(Bytes so_far, RequestHead& head);

 private:
  static Step broken(std::uint16_t status) { return {Step::Kind::broken, status, 0}; }
  std::uint16_t read(std::string_view text, RequestHead& head) const;

  RequestLimits limits_;
  HeadEnd end_;
  std::size_t begin_ = 0;  // behind an empty line
};

}  // namespace runnel::codec::http
