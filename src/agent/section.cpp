#include "agent/section.hpp"

#include <algorithm>

#include "agent/option_value.hpp"

namespace runnel::agent {

using pipeline::Option;
using pipeline::OptionValues;

struct Section::Reading {
  explicit Reading(OptionValues& into) : values(into) {}

  OptionValues& values;
  std::vector<const Option*> options;
  std::vector<std::string_view> names;  // of the other keys, then of the options
  std::size_t other_keys = 0;
  std::vector<std::string_view> suggested;  // what unknown options probably are
  bool complete = true;

  const Option* find(std::string_view name) const {
    for (const Option* option : options)
      if (option->name == name) return option;
    return nullptr;
  }
  // The first option of the group `name`, as `compression.codec` is of `compression`.
  const Option* group(std::string_view name) const {
    for (const Option* option : options)
      if (option->name.size() > name.size() && option->name.starts_with(name) &&
          option->name[name.size()] == '.')
        return option;
    return nullptr;
  }
  bool is_other_key(std::string_view name) const {
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(other_keys);
    return std::find(names.begin(), end, name) != end;
  }
};

namespace {

// The value at a dotted name, if it is set.
const Node* value_at(const Node& table, std::string_view name) {
  const Node* at = &table;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    const Field* field = at->find(name.substr(0, dot));
    if (field == nullptr) return nullptr;
    at = &field->value;
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return at;
}

// `max_bytes` for the one option `batch.max_bytes`: written outside of its group.
std::string_view in_a_group(std::string_view name, std::span<const std::string_view> names) {
  for (const std::string_view each : names)
    if (each.size() > name.size() + 1 && each.ends_with(name) &&
        each[each.size() - name.size() - 1] == '.')
      return each;
  return {};
}

// As the value would stand in the file.
std::string example_of(const Option& option) {
  using pipeline::OptionType;
  if (option.type == OptionType::texts) return concat(option.name, " = [\"...\"]");
  if (option.type == OptionType::text) return concat(option.name, " = \"...\"");
  return concat(option.name, " = ...");
}

}  // namespace

Place Section::place_of(std::string_view option) const {
  const Node* value = value_at(table_, option);
  return value == nullptr ? place_ : value->place;
}

void Section::complain_about(std::string_view option, std::string_view text) {
  complain(place_of(option), option, " ", text);
}

const std::string* Section::text_of(std::string_view key, std::string_view example) {
  const Field* field = table_.find(key);
  if (field == nullptr) {
    complain(place_, key, " is missing; add ", example);
    return nullptr;
  }
  const Node& value = field->value;
  if (value.broken) return nullptr;
  if (value.kind == Node::Kind::text) return &value.text;
  complain(value.place, key, " is ", describe(value.kind), ", not a text; write ", example);
  return nullptr;
}

bool Section::read(Tables tables, std::initializer_list<std::string_view> other_keys,
                   OptionValues& values) {
  Reading reading(values);
  reading.names = other_keys;
  reading.other_keys = other_keys.size();
  for (const auto& table : tables)
    for (const Option& option : table) {
      reading.options.push_back(&option);
      reading.names.push_back(option.name);
    }
  read_table(reading, table_, "");
  for (const Option* option : reading.options) {
    if (!option->required || value_at(table_, option->name) != nullptr) continue;
    reading.complete = false;
    // It is there, misspelt, and that has been said.
    if (std::find(reading.suggested.begin(), reading.suggested.end(), option->name) !=
        reading.suggested.end())
      continue;
    complain(place_, option->name, " is missing (", option->help, "); add ", example_of(*option));
  }
  if (!reading.complete) return false;
  for (const auto& table : tables) pipeline::fill_standard(table, values);
  return true;
}

void Section::read_table(Reading& reading, const Node& table, const std::string& prefix) {
  for (const Field& field : table.fields) {
    if (prefix.empty() && reading.is_other_key(field.name)) continue;
    read_field(reading, field, prefix + field.name);
  }
}

void Section::read_field(Reading& reading, const Field& field, const std::string& option_name) {
  if (field.value.broken) {
    reading.complete = false;
    return;
  }
  if (const Option* option = reading.find(option_name); option != nullptr) {
    auto value = read_value(*option, field.value);
    if (value) return reading.values.set(option_name, std::move(*value));
    complain(field.value.place, option_name, " ", value.error());
    reading.complete = false;
    return;
  }
  const Option* member = reading.group(option_name);
  if (member != nullptr && field.value.kind == Node::Kind::table)
    return read_table(reading, field.value, option_name + '.');
  reading.complete = false;
  if (member == nullptr) return complain_unknown(reading, field, option_name);
  complain(field.value.place, option_name, " is ", describe(field.value.kind),
           ", not a table; write ", option_name, " = { ",
           member->name.substr(option_name.size() + 1), " = ... }");
}

void Section::complain_unknown(Reading& reading, const Field& field,
                               const std::string& option_name) {
  std::string_view meant = nearest(option_name, reading.names);
  if (meant.empty()) meant = in_a_group(field.name, reading.names);
  if (meant.empty())
    return complain(field.place, "unknown option \"", option_name,
                    "\"; possible: ", listed(reading.names));
  reading.suggested.push_back(meant);
  complain(field.place, "unknown option \"", option_name, "\"; did you mean \"", meant, "\"?");
}

}  // namespace runnel::agent
