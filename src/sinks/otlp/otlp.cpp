#include "sinks/otlp/otlp.hpp"

#include <algorithm>

#include "sinks/otlp/export_reply.hpp"
#include "sinks/otlp/otlp_format.hpp"

namespace runnel::sinks {
namespace {

using pipeline::OptionType;
using pipeline::OptionValues;

constexpr pipeline::Option options[] = {
    server_option,
    {.name = "service",
     .type = OptionType::text,
     .standard = "runnel",
     .help = "service.name of the resource"},
    {.name = "resource",
     .type = OptionType::texts,
     .standard = "",
     .help = "its further attributes: [\"host.name=gw\"]"},
    user_option,
    password_option,
    token_option,
    headers_option,
};

class OtlpSink final : public HttpSink {
 public:
  OtlpSink(pipeline::SinkContext& context, const OtlpSettings& settings, const HttpMemory& memory)
      : HttpSink(context, settings, memory) {}

 private:
  AnswerReader* answer_reader() override { return &reply_; }
  Judgement judge(const HttpReply& reply, const pipeline::Frame& frame) override {
    const Verdict verdict = verdict_of(reply.status);
    if (verdict != Verdict::delivered) return {verdict};
    return {verdict,
            static_cast<std::uint32_t>(std::min<std::uint64_t>(reply_.rejected(), frame.events)),
            reply_.message()};
  }

  ExportReply reply_;
};

pipeline::Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto further = pairs_from(values, "resource");
  if (!further) return tl::unexpected(further.error());
  OtlpSettings settings;
  settings.resource = {{"service.name", values.text("service")}};
  settings.resource.insert(settings.resource.end(), further->begin(), further->end());
  constexpr std::size_t resource_max = 64;
  if (settings.resource.size() > resource_max)
    return pipeline::wrong("resource", "has more than 63 attributes");
  return http_plan<OtlpSink, OtlpSettings, OtlpFormat>(values, Credentials::bearer, "/v1/logs",
                                                       "application/json", std::move(settings));
}

}  // namespace

const pipeline::SinkType otlp_type = {
    .name = "otlp",
    .summary = "exports each batch as OpenTelemetry logs: OTLP over HTTP, in JSON",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
};

}  // namespace runnel::sinks
