#include "sinks/elasticsearch/elasticsearch.hpp"

#include <algorithm>

#include "sinks/elasticsearch/bulk_reply.hpp"
#include "sinks/elasticsearch/elasticsearch_format.hpp"
#include "sinks/http/http_options.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr pipeline::Option options[] = {
    server_option,
    {.name = "index",
     .type = OptionType::text,
     .standard = "",
     .help = "an index or a data stream: \"logs-edge\"",
     .required = true},
    {.name = "pipeline",
     .type = OptionType::text,
     .standard = "",
     .help = "an ingest pipeline of the server; empty: none"},
    user_option,
    password_option,
    {.name = "token",
     .type = OptionType::text,
     .standard = "",
     .help = "an API key, as it is encoded; best \"${API_KEY}\"; never printed"},
    headers_option,
};

class ElasticsearchSink final : public HttpSink {
 public:
  using HttpSink::HttpSink;

 private:
  AnswerReader* answer_reader() override { return &reply_; }
  Judgement judge(const HttpReply& reply, const pipeline::Frame& frame) override {
    const Verdict verdict = verdict_of(reply.status);
    if (verdict != Verdict::delivered) return {verdict};
    return reply_.judge(frame.events);
  }

  BulkReply reply_;
};

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  const std::string& index = values.text("index");
  const bool visible = std::all_of(index.begin(), index.end(), [](char c) { return c > ' '; });
  if (index.empty() || !visible) return wrong("index", "is not a name such as \"logs-edge\"");
  std::string target = "/" + percent_encoded(index) +
                       "/_bulk?filter_path=errors,items.*.status,items.*.error.reason";
  if (const std::string& name = values.text("pipeline"); !name.empty())
    target += "&pipeline=" + percent_encoded(name);
  return http_plan<ElasticsearchSink, HttpSettings, ElasticsearchFormat>(
      values, Credentials::api_key, target, "application/x-ndjson");
}

}  // namespace

const pipeline::SinkType elasticsearch_type = {
    .name = "elasticsearch",
    .summary = "indexes each batch with one _bulk request of Elasticsearch or OpenSearch",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
};

}  // namespace runnel::sinks
