// Sends each batch as one request and looks at the status of the answer. What becomes of a batch is
// said by `verdict_of`.
#pragma once

#include <string>

#include "codec/compressor.hpp"
#include "pipeline/component.hpp"
#include "sinks/http/url.hpp"
#include "sinks/sending/http_exchange.hpp"

namespace runnel::sinks {

struct HttpSettings {
  Url url;
  std::string method;
  std::string content_type;
  codec::Codec codec = codec::Codec::none;
  std::string fields;         // further lines of the head, each with its CRLF; may hold secrets
  std::string authorization;  // the value of that field; a secret; empty: none
  UplinkSettings uplink;
};

enum class Verdict : std::uint8_t {
  delivered,
  again,      // nothing is wrong with the batch: later
  too_large,  // in smaller parts
  refused,    // never
};
// 2xx is delivered, 413 too large. What a person has to put right (redirections, 401, 403, 404,
// 405, 407), what passes (408, 425, 429) and 5xx: again. Any other 4xx: refused.
Verdict verdict_of(std::uint16_t status);

struct HttpMemory {
  UplinkMemory uplink;
  MutableBytes answer;
};

class HttpSink final : public pipeline::Sink {
 public:
  static constexpr std::size_t request_head_bytes_max = 4 * 1024;

  static HttpMemory carve(Region& region, const HttpSettings& settings);
  HttpSink(pipeline::SinkContext& context, const HttpSettings& settings, const HttpMemory& memory);

  async::Task<pipeline::Started> start() override;
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;

 private:
  Status write_head(const pipeline::Frame& frame);
  async::Task<Result<HttpReply>> post(const pipeline::Frame& frame);
  pipeline::Delivery delivery_of(const Result<HttpReply>& reply);

  const HttpSettings& settings_;
  Uplink uplink_;
  HttpExchange exchange_;
  Text<request_head_bytes_max> head_;
  Text<512> reason_;
};

}  // namespace runnel::sinks
