#include "sinks/victorialogs/victorialogs.hpp"

#include "sinks/http/http_options.hpp"
#include "sinks/victorialogs/victorialogs_format.hpp"

namespace runnel::sinks {

std::optional<std::size_t> VictoriaLogsFormat::event(const pipeline::EncodedEvent& event,
                                                     MutableBytes into) const {
  return pipeline::write_event_line(event, into, {"_time", "_msg"});
}

namespace {

using pipeline::OptionType;

constexpr pipeline::Option options[] = {
    server_option,
    {.name = "stream_fields",
     .type = OptionType::texts,
     .standard = "source",
     .help = "fields that make a stream, few: [\"source\", \"headers.host\"]"},
    user_option,
    password_option,
    token_option,
    headers_option,
};

pipeline::Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const pipeline::OptionValues& values) {
  std::string fields;
  for (const std::string& field : values.texts("stream_fields"))
    fields += (fields.empty() ? "" : ",") + field;
  const std::string target = "/insert/jsonline?_stream_fields=" + percent_encoded(fields) +
                             "&_time_field=_time&_msg_field=_msg";
  return http_plan<HttpSink, HttpSettings, VictoriaLogsFormat>(values, Credentials::bearer, target,
                                                               "application/stream+json");
}

}  // namespace

const pipeline::SinkType victorialogs_type = {
    .name = "victorialogs",
    .summary = "sends each batch to VictoriaLogs as JSON lines",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
};

}  // namespace runnel::sinks
