// The options that the sinks which send over HTTP share, and what they come to.
#pragma once

#include "sinks/http/http_sink.hpp"

namespace runnel::sinks {

inline constexpr pipeline::Option headers_option = {
    .name = "headers",
    .type = pipeline::OptionType::texts,
    .standard = "",
    .help = "further header fields: [\"X-Scope-OrgID: edge\"]"};
inline constexpr pipeline::Option user_option = {.name = "user",
                                                 .type = pipeline::OptionType::text,
                                                 .standard = "",
                                                 .help = "for basic authentication, with password"};
inline constexpr pipeline::Option password_option = {
    .name = "password",
    .type = pipeline::OptionType::text,
    .standard = "",
    .help = "best from the environment: \"${PASSWORD}\"; never printed"};
inline constexpr pipeline::Option token_option = {
    .name = "token",
    .type = pipeline::OptionType::text,
    .standard = "",
    .help = "for bearer authentication; best \"${TOKEN}\"; never printed"};
// Of a server whose path the sink knows.
inline constexpr pipeline::Option server_option = {
    .name = "url",
    .type = pipeline::OptionType::text,
    .standard = "",
    .help = "the server: \"http://192.0.2.1:8080\", with the path in front of its own, if there is",
    .required = true};

// What `value` is in a query or a path (RFC 3986 section 2.1): all but letters, digits and "-._~"
// as %XX.
void write_percent_encoded(TextWriter& out, std::string_view value);
std::string percent_encoded(std::string_view value);

// What becomes of user, password and token.
enum class Credentials : std::uint8_t {
  bearer,   // Basic, or "Bearer TOKEN"
  token,    // Basic, or "Token TOKEN"
  api_key,  // Basic, or "ApiKey TOKEN"
  apart,    // checked only: the sink has fields of its own for them
};
// From the options above and those of connections, as far as the sink has them. The target of the
// requests is the path of `url` with `target` behind it: "/write?db=edge"; empty: `url` says all.
// The type of the content is left to the sink.
pipeline::Checked<HttpSettings> http_settings(const pipeline::OptionValues& values,
                                              Credentials credentials, std::string_view target);
// "name=value" entries; the failure names the option. Names are unique and not empty.
using Pairs = std::vector<std::pair<std::string, std::string>>;
pipeline::Checked<Pairs> pairs_from(const pipeline::OptionValues& values, std::string_view option);

// A sink that sends over HTTP in a format of its own: `Settings` begin with HttpSettings, the
// format is made of them, and both are the plan's.
template <class Made, class Settings, class Format>
class HttpPlan final : public pipeline::SinkPlan {
 public:
  explicit HttpPlan(Settings settings) : settings_(std::move(settings)), format_(settings_) {
    delivery.event_ends = true;
    delivery.format = &format_;
  }
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    return pipeline::build_component<Made, pipeline::Sink>(region, context, settings_);
  }

 private:
  const Settings settings_;
  const Format format_;
};

// Such a plan: `settings` have what the sink knows, further fields of the head among it; the rest
// comes from the options.
template <class Made, class Settings, class Format>
pipeline::Checked<std::unique_ptr<pipeline::SinkPlan>> http_plan(
    const pipeline::OptionValues& values, Credentials credentials, std::string_view target,
    std::string_view content_type, Settings settings = {}) {
  auto http = http_settings(values, credentials, target);
  if (!http) return tl::unexpected(http.error());
  http->fields += settings.fields;
  static_cast<HttpSettings&>(settings) = std::move(*http);
  settings.content_type = content_type;
  const bool looks_up = settings.uplink.looks_up(settings.url.endpoint);
  auto made = std::make_unique<HttpPlan<Made, Settings, Format>>(std::move(settings));
  made->looks_up_names = looks_up;
  return made;
}

}  // namespace runnel::sinks
