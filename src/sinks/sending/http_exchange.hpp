// One HTTP/1.1 request and its answer over an Uplink (RFC 9112). Requests follow each other on one
// connection for as long as the peer keeps it. Of the answer its status and what a person may want
// to read of its body are kept; the rest is read and dropped, within limits, unless somebody reads
// along.
#pragma once

#include "codec/http/head_writer.hpp"
#include "codec/http/response.hpp"
#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {

struct HttpReply {
  std::uint16_t status = 0;
  Duration retry_after = Duration::zero();  // zero: it did not say
  // The status, its reason, and the first line of the body: "413 Payload Too Large: ...". Valid
  // until the next exchange.
  std::string_view text;
  bool whole = true;  // the body has been read to its end
};

// Reads the body of an answer as it comes.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;
  virtual void begin() = 0;  // of a new answer
  virtual void take(Bytes piece) = 0;
};

class HttpExchange {
 public:
  static constexpr std::size_t head_bytes_max = 8 * 1024;
  static constexpr std::uint64_t body_bytes_max = 1 << 20;
  static constexpr std::uint64_t read_body_bytes_max = 64 << 20;  // if somebody reads it
  static constexpr std::size_t text_bytes_max = 240;

  static MutableBytes carve(Region& region);
  // `buffer` from `carve`.
  HttpExchange(pipeline::SinkContext& context, Uplink& uplink, MutableBytes buffer)
      : context_(context), uplink_(uplink), buffer_(buffer) {}

  // Sends the head and the body, and reads the answer. Afterwards the uplink is open exactly if
  // another request may follow. An error closes it: `closed` when the peer ended it without an
  // answer, `malformed` and `too_large` when the answer was none.
  async::Task<Result<HttpReply>> run(std::string_view head, Bytes body,
                                     AnswerReader* reader = nullptr);

 private:
  async::Task<Result<HttpReply>> try_run(std::string_view head, Bytes body);
  async::Task<Status> read_head(codec::http::ResponseHead& head);
  async::Task<Status> read_body(codec::http::BodyFraming framing);
  void note(Bytes body);

  pipeline::SinkContext& context_;
  Uplink& uplink_;
  AnswerReader* reader_ = nullptr;  // of the answer at hand
  MutableBytes buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what is in the buffer and not yet looked at
  Text<text_bytes_max> text_;
  enum class Noted : std::uint8_t { nothing, something, all };
  Noted noted_ = Noted::nothing;
};

}  // namespace runnel::sinks
