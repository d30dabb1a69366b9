// The JSON inside the NATS protocol: what a server says of itself (INFO), who we are (CONNECT), and
// what JetStream answers to a publish. Views are of the text that is read, strings in it as they
// are written there (escapes and all): good to be logged, as they hold no control bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/function_ref.hpp"

namespace runnel::codec {

struct NatsInfo {
  std::string_view server_id, server_name, version;
  std::uint64_t max_payload = 1024 * 1024;  // bytes of headers and payload; what servers come with
  bool headers = false;
  bool jetstream = false;
  bool auth_required = false;
  bool tls_required = false;   // TLS starts right behind this INFO, before our CONNECT
  bool tls_available = false;  // the same, if we want it
  bool nonce = false;          // it would take a signature of an nkey, which we have not
  bool lame_duck = false;      // it is about to stop: go to another one
};

// `url`: "10.0.0.2:4222" or "[::1]:4222", another server of the cluster; comes from outside.
using NatsUrlVisitor = FunctionRef<void(std::string_view url)>;

// `malformed`: no object, or a field that we know is of another type. What we do not know is passed
// over.
Result<NatsInfo> parse_nats_info(std::string_view json, NatsUrlVisitor each_url);

struct NatsConnect {
  std::string_view name, version;          // of us
  std::string_view user, password, token;  // empty: not sent
  bool tls = false;
};
// The whole line. `too_large`: it does not fit; nothing is to be sent.
Result<std::size_t> write_nats_connect(const NatsConnect& connect, MutableBytes into);

// {"stream":"LOG","seq":1,"duplicate":true}, or
// {"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"LOG"}
struct NatsPublishAck {
  bool accepted = false;
  bool duplicate = false;  // was there before, by its Nats-Msg-Id
  std::string_view stream;
  std::uint64_t sequence = 0;
  // Of a refusal.
  std::uint64_t code = 0;      // as of HTTP
  std::uint64_t err_code = 0;  // nats-server's errors.json
  std::string_view description;

  // Repeating it would change nothing: the message or its headers are larger than the stream takes.
  bool refused_for_good() const;
};
// `malformed`: neither of the two.
Result<NatsPublishAck> parse_nats_publish_ack(std::string_view json);

}  // namespace runnel::codec
