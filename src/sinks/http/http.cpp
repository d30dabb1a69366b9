#include "sinks/http/http.hpp"

#include <algorithm>

#include "codec/base64.hpp"
#include "sinks/http/http_sink.hpp"

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
     .help = "where to send to: \"https://logs.example.org/ingest?source=edge\"",
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
    {.name = "headers",
     .type = OptionType::texts,
     .standard = "",
     .help = "further header fields: [\"X-Scope-OrgID: edge\"]"},
    {.name = "user",
     .type = OptionType::text,
     .standard = "",
     .help = "for basic authentication, with password"},
    {.name = "password",
     .type = OptionType::text,
     .standard = "",
     .help = "best from the environment: \"${PASSWORD}\"; never printed"},
    {.name = "token",
     .type = OptionType::text,
     .standard = "",
     .help = "for bearer authentication; best \"${TOKEN}\"; never printed"},
};

constexpr std::size_t fields_bytes_max = 2048;

// Without showing what is in it: it may be a secret.
bool is_field_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return (c >= ' ' && c != '\x7f') || c == '\t'; });
}

Checked<std::string> fields_from(const OptionValues& values) {
  constexpr std::string_view own[] = {
      "host",       "content-length", "content-encoding", "transfer-encoding",
      "connection", "authorization"};
  std::string lines;
  for (const std::string& given : values.texts("headers")) {
    const auto colon = given.find(':');
    std::string name = given.substr(0, colon);
    const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
             std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
    if (colon == given.npos || !token || !is_field_value(given))
      return wrong("headers", "has an entry that is not \"Name: value\"");
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    if (std::find(std::begin(own), std::end(own), name) != std::end(own))
      return wrong("headers",
                   concat("sets ", given.substr(0, colon), ", which the sink sets itself"));
    lines += given + "\r\n";
  }
  if (lines.size() > fields_bytes_max) return wrong("headers", "has more than 2 KiB");
  return lines;
}

Checked<std::string> authorization_from(const OptionValues& values) {
  const std::string &user = values.text("user"), &password = values.text("password");
  const std::string& token = values.text("token");
  if (!token.empty() && !user.empty()) return wrong("token", "is set, and so is user: use one");
  if (!password.empty() && user.empty()) return wrong("password", "is set, but user is not");
  if (user.find(':') != user.npos) return wrong("user", "must not have a colon in it");
  constexpr std::size_t secret_bytes_max = 1024;
  if (user.size() + password.size() > secret_bytes_max || token.size() > secret_bytes_max)
    return wrong(token.empty() ? "password" : "token", "is longer than 1 KiB");
  if (!is_field_value(token)) return wrong("token", "has control characters in it");
  if (!token.empty()) return "Bearer " + token;
  if (user.empty()) return std::string();
  Text<codec::base64_bytes(secret_bytes_max + 1)> credentials;
  codec::write_base64(credentials, as_bytes(user + ":" + password));
  return "Basic " + std::string(credentials.text());
}

std::string_view content_type_of(bool json, bool array) {
  if (array) return "application/json";
  return json ? "application/x-ndjson" : "text/plain; charset=utf-8";
}

class HttpPlan final : public pipeline::SinkPlan {
 public:
  explicit HttpPlan(HttpSettings settings) : settings_(std::move(settings)) {}
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    return pipeline::build_component<HttpSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  HttpSettings settings_;
};

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  HttpSettings settings;
  auto url = parse_url(values.text("url"));
  if (!url) return wrong("url", url.error());
  settings.url = std::move(*url);
  if (settings.url.target.size() > 1024) return wrong("url", "is longer than 1 KiB");
  settings.method = values.text("method");
  const bool json = values.has("encoding") && values.text("encoding") == "json";
  const bool array = values.text("body") == "array";
  if (array && !json) return wrong("body", "is \"array\", which needs encoding = \"json\"");
  settings.content_type = content_type_of(json, array);
  if (values.has("compression.codec"))
    settings.codec = *codec::codec_from(values.text("compression.codec"));
  auto fields = fields_from(values);
  if (!fields) return tl::unexpected(fields.error());
  settings.fields = std::move(*fields);
  auto authorization = authorization_from(values);
  if (!authorization) return tl::unexpected(authorization.error());
  settings.authorization = std::move(*authorization);
  auto uplink = uplink_settings(values, settings.url.endpoint);
  if (!uplink) return tl::unexpected(uplink.error());
  settings.uplink = std::move(*uplink);
  const bool is_name = settings.url.endpoint.is_name();
  auto made = std::make_unique<HttpPlan>(std::move(settings));
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
