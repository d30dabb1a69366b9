#include "sinks/http/http.hpp"

#include "sinks/http/http_options.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr pipeline::Option options[] = {
    {.name = "url",
     .type = OptionType::text,
     .standard = "",
     .help = "where to send to: \"https://logs.example.org/ingest?source=edge\"; to a Unix socket "
             "\"http://unix:/run/x.sock:/ingest\"",
     .required = true},
    {.name = "method",
     .type = OptionType::text,
     .standard = "POST",
     .help = "of the requests",
     .choices = "POST|PUT"},
    {.name = "body",
     .type = OptionType::text,
     .standard = "lines",
     .help = "lines: one event a line (NDJSON or text); array: one JSON array (encoding \"json\")",
     .choices = "lines|array"},
    headers_option,
    user_option,
    password_option,
    token_option,
};

std::string_view content_type_of(bool json, bool array) {
  if (array) return "application/json";
  return json ? "application/x-ndjson" : "text/plain; charset=utf-8";
}

class PlainHttpPlan final : public pipeline::SinkPlan {
 public:
  explicit PlainHttpPlan(HttpSettings settings) : settings_(std::move(settings)) {}
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    return pipeline::build_component<HttpSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  HttpSettings settings_;
};

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto checked = http_settings(values, Credentials::bearer, {});
  if (!checked) return tl::unexpected(checked.error());
  HttpSettings settings = std::move(*checked);
  settings.method = values.text("method");
  const bool json = values.has("encoding") && values.text("encoding") == "json";
  const bool array = values.text("body") == "array";
  if (array && !json) return wrong("body", "is \"array\", which needs encoding = \"json\"");
  settings.content_type = content_type_of(json, array);
  const bool is_name = settings.url.endpoint.is_name();
  auto made = std::make_unique<PlainHttpPlan>(std::move(settings));
  made->looks_up_names = is_name;
  made->delivery.event_ends = true;
  made->delivery.json_array = array;
  return made;
}

}  // namespace

const pipeline::SinkType http_type = {
    .name = "http",
    .summary = "sends each batch as one HTTP request",
    .options = options,
    .encodes = true,
    .connects = true,
    .plan = plan,
};

}  // namespace runnel::sinks
