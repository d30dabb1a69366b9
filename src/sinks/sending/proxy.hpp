// A proxy that a sink has to go through, and the tunnel through it (CONNECT, RFC 9110 section
// 9.3.6): behind the proxy's answer the connection is as good as one to the destination, whose name
// only the proxy looks up. What the proxy says is looked at with limits; the bytes behind its
// answer are the destination's, and kept for who reads first.
#pragma once

#include "base/region.hpp"
#include "codec/http/response.hpp"
#include "net/tcp_stream.hpp"
#include "sinks/sending/endpoint.hpp"

namespace runnel::sinks {

struct Proxy {
  Endpoint endpoint;
  std::string authorization;  // the value of Proxy-Authorization; a secret; empty: none
};

// "http://[user:password@]host:port"; what cannot stand in user or password is %XX (RFC 3986
// section 2.1). The failure quotes nothing of the text: there may be a secret in it.
tl::expected<Proxy, std::string> parse_proxy(std::string_view text);

class Tunnel {
 public:
  // Of the request, and of the head of the answer.
  static constexpr std::size_t head_bytes_max = 4 * 1024;

  static MutableBytes carve(Region& region);
  // `memory` from `carve`. The proxy outlives it.
  Tunnel(const Proxy& proxy, MutableBytes memory);

  const Endpoint& first_stop() const { return proxy_.endpoint; }
  // Over a stream that is connected to the proxy. `access`: it wants another user and password, or
  // one at all. `refused`: it answers another status than 2xx. Or what the stream and the answer
  // come to. After a failure the stream is of no use. `to` stays until the task has ended.
  async::Task<Status> open(net::TcpStream& stream, const Endpoint& to, Instant deadline);
  // Why the proxy was not connected to at all.
  void explain_unreached(Error error);

  // What has come behind the proxy's answer and was not taken yet.
  Bytes unread() const { return unread_; }
  // The next of it: as much as fits, at least 1 byte of what is there.
  std::uint32_t take(MutableBytes into);

  // Why it failed, for a person, and never with a secret in it. Until the next attempt.
  std::string_view reason() const { return reason_.text(); }

 private:
  Result<Bytes> write_request(const Endpoint& to);
  async::Task<Status> read_answer(net::TcpStream& stream, Instant deadline);
  Status judge(const codec::http::ResponseHead& answer, Bytes behind);
  void explain(Error error);

  const Proxy& proxy_;
  MutableBytes buffer_;
  TextWriter reason_;
  Bytes unread_;
};

}  // namespace runnel::sinks
