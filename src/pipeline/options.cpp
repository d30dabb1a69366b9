#include "pipeline/options.hpp"

#include "base/text.hpp"

namespace runnel::pipeline {

std::string_view name_of(OptionType type) {
  static constexpr std::string_view names[] = {"text",   "list of texts", "boolean",
                                               "number", "size",          "duration"};
  return names[static_cast<std::size_t>(type)];
}

namespace {

using Value = OptionValues::Value;
using Parsed = tl::expected<Value, std::string>;

tl::unexpected<std::string> refuse(std::string text) { return tl::unexpected(std::move(text)); }

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

Parsed parse_text(const Option& option, std::string_view text) {
  if (!option.choices.empty() && !is_choice(option.choices, text))
    return refuse(concat("is \"", text, "\", not one of ", option.choices));
  return Value(std::string(text));
}

Parsed parse_texts(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const auto comma = text.find(", ");
    all.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 2);
  }
  return Value(std::move(all));
}

Parsed parse_boolean(std::string_view text) {
  if (text == "true") return Value(true);
  if (text == "false") return Value(false);
  return refuse(concat("is \"", text, "\", not true or false"));
}

// `show` writes a bound the way the file would.
template <class Show>
Parsed within(const Option& option, std::uint64_t value, Value as, Show show) {
  if (value < option.minimum)
    return refuse(concat("is below its minimum of ", show(option.minimum)));
  if (value > option.maximum)
    return refuse(concat("is above its maximum of ", show(option.maximum)));
  return as;
}

Parsed parse_count(const Option& option, std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return refuse(concat("is \"", text, "\", not a whole number"));
  return within(option, *number, Value(*number), [](std::uint64_t bound) { return bound; });
}

Parsed parse_bytes(const Option& option, std::string_view text) {
  const auto bytes = parse_size(text);
  if (!bytes) return refuse(concat("is \"", text, "\", not a size such as \"4MiB\" or \"512KiB\""));
  return within(option, *bytes, Value(*bytes),
                [](std::uint64_t bound) { return WrittenSize{bound}; });
}

Parsed parse_time(const Option& option, std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration)
    return refuse(concat("is \"", text, "\", not a duration such as \"500ms\" or \"1h\""));
  return within(option, static_cast<std::uint64_t>(duration->count()), Value(*duration),
                [](std::uint64_t bound) {
                  return WrittenDuration{Duration(static_cast<std::int64_t>(bound))};
                });
}

}  // namespace

Parsed parse_option(const Option& option, std::string_view text) {
  switch (option.type) {
    case OptionType::text:
      return parse_text(option, text);
    case OptionType::texts:
      return parse_texts(text);
    case OptionType::boolean:
      return parse_boolean(text);
    case OptionType::number:
      return parse_count(option, text);
    case OptionType::size:
      return parse_bytes(option, text);
    case OptionType::duration:
      return parse_time(option, text);
  }
  return refuse("has an unknown type");
}

void fill_standard(std::span<const Option> options, OptionValues& values) {
  for (const Option& option : options) {
    if (values.has(option.name) || option.required) continue;
    auto value = parse_option(option, option.standard);
    // Invariant: what the tables call standard is itself valid.
    RUNNEL_ASSERT(value.has_value());
    values.set(option.name, std::move(*value));
  }
}

bool is_chosen(const OptionValues& values, const Option& option) {
  OptionValues standard;
  fill_standard(std::span(&option, 1), standard);
  return !values.same(standard, option.name);
}

}  // namespace runnel::pipeline
