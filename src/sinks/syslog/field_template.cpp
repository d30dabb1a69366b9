#include "sinks/syslog/field_template.hpp"

#include <algorithm>

namespace runnel::sinks {
namespace {

bool is_printable(char c) { return c > ' ' && c < '\x7f'; }

}  // namespace

void FieldTemplate::write_value(std::string_view raw, TextWriter& out) {
  for (const char c : raw.substr(0, value_bytes_max)) out << (is_printable(c) ? c : '_');
}

constinit const EventName::Rules FieldTemplate::rules = {
    .pattern_bytes_max = pattern_bytes_max,
    .value_bytes_max = value_bytes_max,
    .percent_escapes = true,
    .example = "%{source}",
    .write_value = write_value,
    .missing = {},
};

tl::expected<FieldTemplate, std::string> FieldTemplate::parse(std::string_view pattern) {
  FieldTemplate made;
  if (std::string why = made.EventName::parse(pattern); !why.empty())
    return tl::unexpected(std::move(why));
  Text<field_bytes_max> literals;
  made.write_with({}, literals);
  if (!std::ranges::all_of(literals.text(), is_printable))
    return tl::unexpected<std::string>("has a space or another character no field may have");
  return made;
}

}  // namespace runnel::sinks
