// The NATS client protocol, as the documentation of nats-server 2 states it ("Client Protocol"):
// lines that end in CR LF, some with a counted payload behind them. What the server says is read
// out of one fixed buffer; what we say is written into one. The JSON inside is nats_json.hpp's.
//   <- INFO {"server_id":"N1","max_payload":1048576,"headers":true}\r\n
//   -> CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n
//   -> SUB _INBOX.a.* 1\r\n
//   -> HPUB logs.a _INBOX.a.7 30 35\r\nNATS/1.0\r\nNats-Msg-Id: x:1\r\n\r\nhello\r\n
//   <- MSG _INBOX.a.7 1 24\r\n{"stream":"LOG","seq":1}\r\n
//   <- HMSG _INBOX.a.8 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::codec {

// Of what we send: far below the 4096 bytes that servers take as a line.
inline constexpr std::size_t nats_subject_bytes_max = 1024;

// Something may be published there: tokens with dots between them, without wildcards, spaces or
// control bytes, within nats_subject_bytes_max.
bool nats_subject_valid(std::string_view subject);

// --- what the server says ------------------------------------------------------------------------

struct NatsOperation {
  enum class Kind : std::uint8_t {
    need_more,  // the buffer ends inside an operation
    broken,     // not the protocol, or larger than the buffer (`error`): close the connection
    info,       // `text`: JSON
    message,    // subject, sid, reply, status, payload
    ping,       // to be answered with a pong
    pong,       //
    ok,         // +OK; never, as we connect without `verbose`
    error,      // -ERR, `text`: without its quotes
  };
  Kind kind = Kind::need_more;
  Error error = Error::none;
  std::uint16_t status = 0;  // of the headers, 503: no responders; 0: there is none
  std::string_view text;     // of an info or error; of a status, may be empty
  std::string_view subject, sid, reply;
  std::string_view headers;  // with the line of the version; empty: none
  Bytes payload;
  std::size_t bytes = 0;  // of the operation; of a message that ends later, of all of it, or 0
};

// The operation at the start of `input`. Without a buffer there is no limit but a message's length,
// which is at most nats_message_bytes_hard_max.
NatsOperation parse_nats(Bytes input);
inline constexpr std::uint32_t nats_message_bytes_hard_max = 1u << 30;

// Over a buffer that is the caller's, and the limit of every operation:
//   for (;;) {
//     const auto operation = reader.next();
//     if (operation.kind == NatsOperation::Kind::need_more) {
//       ...receive 1 to reader.room().size() bytes into reader.room()...
//       reader.received(size);
//     }
//   }
class NatsReader {
 public:
  explicit NatsReader(MutableBytes buffer) : buffer_(buffer) {}

  // Views of the operation are good until the next call of anything but this. Broken stays broken.
  NatsOperation next();
  // Behind what is there, which moves to the front; not empty after a need_more.
  MutableBytes room();
  void received(std::size_t size);
  // Received, and not read yet. Before TLS starts there must be none: it would be in the clear.
  std::size_t unread() const { return end_ - begin_; }
  // For the next connection.
  void reset() { *this = NatsReader(buffer_); }

 private:
  MutableBytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Error broken_ = Error::none;
};

// What an -ERR means for us.
enum class NatsErrorKind : std::uint8_t {
  authorization,  // who we are is not accepted; the connection ends
  permissions,    // we may not publish or subscribe there; the connection stays
  too_large,      // more than max_payload; the connection ends
  other,          // the connection ends, most of the time
};
NatsErrorKind nats_error_kind(std::string_view text);

// --- what we say ---------------------------------------------------------------------------------

struct NatsPublish {
  std::string_view subject;     // valid
  std::string_view reply;       // empty: nobody shall answer
  std::string_view message_id;  // Nats-Msg-Id; printable. Empty: no headers (servers before 2.2)
  Bytes payload;
};
// Bytes of all of it, the last line end included.
std::size_t nats_publish_bytes(const NatsPublish& publish);
// What max_payload limits: headers and payload.
std::size_t nats_payload_bytes(const NatsPublish& publish);
// Everything up to the payload; behind it goes nats_line_end.
void write_nats_publish_head(TextWriter& out, const NatsPublish& publish);
inline constexpr std::string_view nats_line_end = "\r\n";

void write_nats_subscribe(TextWriter& out, std::string_view subject, std::string_view sid);
inline constexpr std::string_view nats_ping = "PING\r\n";
inline constexpr std::string_view nats_pong = "PONG\r\n";

}  // namespace runnel::codec
