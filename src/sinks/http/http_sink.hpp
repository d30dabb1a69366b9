// Sends each batch as one request and looks at the answer. What becomes of a batch is said by
// `verdict_of` the status, unless a destination says more than that: sinks that know their
// destination derive from this one and override what differs.
#pragma once

#include <string>

#include "codec/compressor.hpp"
#include "pipeline/component.hpp"
#include "sinks/http/url.hpp"
#include "sinks/http/verdict.hpp"
#include "sinks/sending/http_exchange.hpp"

namespace runnel::sinks {

struct HttpSettings {
  Url url;
  std::string method = "POST";
  std::string content_type;
  codec::Codec codec = codec::Codec::none;
  std::string fields;         // further lines of the head, each with its CRLF; may hold secrets
  std::string authorization;  // the value of that field; a secret; empty: none
  UplinkSettings uplink;
};

struct HttpMemory {
  UplinkMemory uplink;
  MutableBytes answer;
};

class HttpSink : public pipeline::Sink {
 public:
  // What options may come to (http_options.cpp) and what sinks add has room, or every batch would
  // be tried for ever.
  static constexpr std::size_t request_head_bytes_max = 10 * 1024;
  static constexpr std::size_t target_bytes_max = 2 * 1024;

  static HttpMemory carve(Region& region, const HttpSettings& settings);
  HttpSink(pipeline::SinkContext& context, const HttpSettings& settings, const HttpMemory& memory);

  async::Task<pipeline::Started> start() override;
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;

 protected:
  // Goes behind the target of the settings.
  virtual void end_target(const pipeline::Frame& frame, TextWriter& out) { (void)frame, (void)out; }
  // Gets the body of every answer; none: nobody looks into it.
  virtual AnswerReader* answer_reader() { return nullptr; }
  virtual Judgement judge(const HttpReply& reply, const pipeline::Frame& frame) {
    (void)frame;
    return {verdict_of(reply.status)};
  }

 private:
  Status write_head(const pipeline::Frame& frame);
  async::Task<Result<HttpReply>> post(const pipeline::Frame& frame);
  pipeline::Delivery delivery_of(const HttpReply& reply, const Judgement& judgement);
  pipeline::Delivery delivery_of(Error error);

  const HttpSettings& settings_;
  Uplink uplink_;
  HttpExchange exchange_;
  Text<target_bytes_max> target_;
  Text<request_head_bytes_max> head_;
  Text<512> reason_;
};

}  // namespace runnel::sinks
