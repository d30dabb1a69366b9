#include "sinks/forward/tag_template.hpp"

#include <algorithm>

namespace runnel::sinks {
namespace {

bool stands_in_value(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == ':' || c == '/';
}
bool stands_in_pattern(char c) { return stands_in_value(c) || c == '.'; }

void write_value(std::string_view raw, TextWriter& out) {
  for (const char c : raw.substr(0, TagTemplate::value_bytes_max))
    out << (stands_in_value(c) ? c : '_');
}

}  // namespace

constinit const EventName::Rules TagTemplate::rules = {
    .pattern_bytes_max = pattern_bytes_max,
    .value_bytes_max = value_bytes_max,
    .percent_escapes = false,
    .example = "edge.%{source}",
    .write_value = write_value,
};

tl::expected<TagTemplate, std::string> TagTemplate::parse(std::string_view pattern) {
  TagTemplate made;
  if (std::string why = made.EventName::parse(pattern); !why.empty())
    return tl::unexpected(std::move(why));
  Text<tag_bytes_max> literals;
  made.write_with({}, literals);
  if (!std::ranges::all_of(literals.text(), stands_in_pattern))
    return tl::unexpected<std::string>(
        "may have letters, digits and - _ : / besides its dots and %{NAME}");
  return made;
}

}  // namespace runnel::sinks
