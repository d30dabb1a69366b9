#include "agent/option_value.hpp"

#include <algorithm>
#include <limits>

#include "agent/complaints.hpp"
#include "agent/section.hpp"

namespace runnel::agent {
namespace {

using Kind = Node::Kind;
using pipeline::Option;
using pipeline::OptionType;
using pipeline::OptionValues;
using Value = OptionValues::Value;
using Read = tl::expected<Value, std::string>;

tl::unexpected<std::string> refuse(std::string text) { return tl::unexpected(std::move(text)); }

std::string_view wanted(OptionType type) {
  static constexpr std::string_view names[] = {
      "a text in quotes", "a list of texts such as [\"...\"]", "true or false",
      "a whole number",   "a size such as \"4MiB\"",           "a duration such as \"10s\""};
  return names[static_cast<std::size_t>(type)];
}

Read wrong_kind(const Option& option, const Node& node) {
  return refuse(concat("is ", describe(node.kind), "; it takes ", wanted(option.type)));
}

bool takes_text(OptionType type) {
  return type == OptionType::text || type == OptionType::size || type == OptionType::duration;
}
bool takes_number(OptionType type) {
  return type == OptionType::number || type == OptionType::size;
}

// Why a text of the user cannot be used as it is, or nothing.
std::string_view flaw_of(std::string_view text) {
  if (text.find('\0') != text.npos) return "has a zero byte in it";
  return {};
}

std::vector<std::string_view> split_choices(std::string_view choices) {
  std::vector<std::string_view> all;
  while (!choices.empty()) {
    const std::size_t bar = std::min(choices.find('|'), choices.size());
    all.push_back(choices.substr(0, bar));
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return all;
}

Read read_text(const Option& option, const std::string& text) {
  if (const auto flaw = flaw_of(text); !flaw.empty()) return refuse(std::string(flaw));
  if (text.empty() && option.required) return refuse(concat("is empty (", option.help, ")"));
  auto value = pipeline::parse_option(option, text);
  if (!value && option.type == OptionType::text)
    value.error() += did_you_mean(text, split_choices(option.choices));
  return value;
}

Read read_number(const Option& option, std::int64_t number) {
  if (number < 0) return refuse(concat("is ", number, ", below zero"));
  return pipeline::parse_option(option, concat(number));
}

Read read_texts(const Option& option, const Node& node) {
  if (node.kind == Kind::text)
    return refuse(concat("is a text; it takes a list: write [\"", node.text, "\"]"));
  if (node.kind != Kind::list) return wrong_kind(option, node);
  if (node.items.empty() && option.required)
    return refuse("is an empty list; it takes at least one");
  if (node.items.size() > Section::texts_max)
    return refuse(
        concat("has ", node.items.size(), " texts; it takes at most ", Section::texts_max));
  std::vector<std::string> texts;
  for (const Node& item : node.items) {
    if (item.kind != Kind::text)
      return refuse(concat("has ", describe(item.kind), " in it; it takes texts only"));
    if (item.text.empty()) return refuse("has an empty text in it");
    if (const auto flaw = flaw_of(item.text); !flaw.empty()) return refuse(std::string(flaw));
    texts.push_back(item.text);
  }
  return Value(std::move(texts));
}

}  // namespace

Read read_value(const Option& option, const Node& node) {
  if (option.type == OptionType::texts) return read_texts(option, node);
  if (node.kind == Kind::text && (takes_text(option.type) || node.from_variable))
    return read_text(option, node.text);
  if (node.kind == Kind::number && takes_number(option.type))
    return read_number(option, node.number);
  if (node.kind == Kind::boolean && option.type == OptionType::boolean) return Value(node.boolean);
  if (node.kind == Kind::number && option.type == OptionType::duration)
    return refuse(concat("is ", node.number, " without a unit; write \"", node.number, "s\""));
  return wrong_kind(option, node);
}

}  // namespace runnel::agent
