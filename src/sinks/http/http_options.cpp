#include "sinks/http/http_options.hpp"

#include <algorithm>

#include "codec/base64.hpp"
#include "codec/http/grammar.hpp"
#include "sinks/sending/basic_authorization.hpp"

namespace runnel::sinks {

using pipeline::Checked;
using pipeline::OptionValues;
using pipeline::wrong;
namespace http = codec::http;

namespace {

constexpr std::size_t fields_bytes_max = 2048;
constexpr std::size_t target_bytes_max = 1024;
constexpr std::size_t secret_bytes_max = basic_secret_bytes_max - 1;
// Fields of sinks (ClickHouse sends the secrets in its own), Host, Content-Type and the like.
constexpr std::size_t fields_of_sinks_max = secret_bytes_max + 512, other_fields_max = 1024;
static_assert(fields_bytes_max + fields_of_sinks_max + HttpSink::target_bytes_max +
                  codec::base64_bytes(basic_secret_bytes_max) + other_fields_max <=
              HttpSink::request_head_bytes_max);

Checked<std::string> fields_from(const OptionValues& values) {
  constexpr std::string_view own[] = {
      "host",       "content-length", "content-encoding", "transfer-encoding",
      "connection", "authorization"};
  std::string lines;
  for (const std::string& given : values.texts("headers")) {
    const auto colon = given.find(':');
    const std::string_view name = std::string_view(given).substr(0, colon);
    if (colon == given.npos || !http::is_token(name) || !http::is_value(given))
      return wrong("headers", "has an entry that is not \"Name: value\"");
    if (std::ranges::any_of(own, [&](auto each) { return http::same_word(each, name); }))
      return wrong("headers", concat("sets ", name, ", which the sink sets itself"));
    lines += given + "\r\n";
  }
  if (lines.size() > fields_bytes_max) return wrong("headers", "has more than 2 KiB");
  return lines;
}

std::string text_of(const OptionValues& values, std::string_view option) {
  return values.has(option) ? values.text(option) : std::string();
}

std::string_view scheme_of(Credentials credentials) {
  switch (credentials) {
    case Credentials::token:
      return "Token ";
    case Credentials::api_key:
      return "ApiKey ";
    default:
      return "Bearer ";
  }
}

Checked<std::string> authorization_from(const OptionValues& values, Credentials credentials) {
  const std::string user = text_of(values, "user"), password = text_of(values, "password");
  const std::string token = text_of(values, "token");
  if (!token.empty() && !user.empty()) return wrong("token", "is set, and so is user: use one");
  if (!password.empty() && user.empty()) return wrong("password", "is set, but user is not");
  if (user.find(':') != user.npos) return wrong("user", "must not have a colon in it");
  if (user.size() + password.size() > secret_bytes_max || token.size() > secret_bytes_max)
    return wrong(token.empty() ? "password" : "token", "is longer than 1 KiB");
  if (!http::is_value(token)) return wrong("token", "has control characters in it");
  if (!http::is_value(user)) return wrong("user", "has control characters in it");
  if (!http::is_value(password)) return wrong("password", "has control characters in it");
  if (!token.empty()) return std::string(scheme_of(credentials)) + token;
  if (user.empty() || credentials == Credentials::apart) return std::string();
  return basic_authorization(user + ":" + password);
}

// The option, with the path of the server and `target` behind it.
Checked<Url> url_from(const OptionValues& values, std::string_view target) {
  auto url = parse_url(values.text("url"));
  if (!url) return wrong("url", url.error());
  if (!target.empty()) {
    if (url->target.find('?') != url->target.npos)
      return wrong("url", "has a query, which the sink writes itself: end it before the \"?\"");
    while (url->target.ends_with('/')) url->target.pop_back();
    url->target += target;
  }
  if (url->target.size() > target_bytes_max) return wrong("url", "is longer than 1 KiB");
  return std::move(*url);
}

}  // namespace

void write_percent_encoded(TextWriter& out, std::string_view value) {
  constexpr char hex[] = "0123456789ABCDEF";
  for (const char c : value) {
    const auto byte = static_cast<std::uint8_t>(c);
    const bool stays = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (stays) {
      out << c;
    } else {
      out << '%' << hex[byte >> 4] << hex[byte & 15];
    }
  }
}

std::string percent_encoded(std::string_view value) {
  std::string room(3 * value.size(), '\0');
  TextWriter out{std::span<char>(room)};
  write_percent_encoded(out, value);
  return std::string(out.text());
}

Checked<HttpSettings> http_settings(const OptionValues& values, Credentials credentials,
                                    std::string_view target) {
  HttpSettings settings;
  auto url = url_from(values, target);
  if (!url) return tl::unexpected(url.error());
  settings.url = std::move(*url);
  if (values.has("compression.codec"))
    settings.codec = *codec::codec_from(values.text("compression.codec"));
  auto fields = fields_from(values);
  if (!fields) return tl::unexpected(fields.error());
  settings.fields = std::move(*fields);
  auto authorization = authorization_from(values, credentials);
  if (!authorization) return tl::unexpected(authorization.error());
  settings.authorization = std::move(*authorization);
  auto uplink = uplink_settings(values, settings.url.endpoint);
  if (!uplink) return tl::unexpected(uplink.error());
  settings.uplink = std::move(*uplink);
  return settings;
}

Checked<Pairs> pairs_from(const OptionValues& values, std::string_view option) {
  Pairs pairs;
  for (const std::string& given : values.texts(option)) {
    const auto equals = given.find('=');
    std::string name = given.substr(0, equals);
    if (equals == given.npos || name.empty())
      return wrong(option, "has an entry that is not \"name=value\"");
    if (std::any_of(pairs.begin(), pairs.end(), [&](auto& each) { return each.first == name; }))
      return wrong(option, concat("has \"", name, "\" twice"));
    pairs.emplace_back(std::move(name), given.substr(equals + 1));
  }
  return pairs;
}

}  // namespace runnel::sinks
