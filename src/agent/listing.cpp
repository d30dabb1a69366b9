#include "agent/listing.hpp"

#include <algorithm>
#include <vector>

#include "agent/complaints.hpp"
#include "agent/exit_codes.hpp"
#include "agent/groups.hpp"
#include "agent/link_options.hpp"
#include "agent/settings.hpp"
#include "pipeline/connection_options.hpp"

namespace runnel::agent {
namespace {

using pipeline::Option;
using pipeline::OptionType;
using Options = std::span<const Option>;
using Row = std::vector<std::string>;

// One thing that can be listed.
struct Entry {
  std::string_view name;
  std::string_view kind;      // "source", ...
  std::string_view activity;  // of sources
  std::string_view summary;
  std::vector<Options> tables;
};

std::vector<Entry> entries_of(const Registry& registry) {
  std::vector<Entry> entries;
  for (const auto* type : registry.sources)
    entries.push_back({type->name,
                       "source",
                       type->activity == pipeline::Activity::active ? "active" : "passive",
                       type->summary,
                       {type->options}});
  for (const auto* type : registry.channels)
    entries.push_back({type->name, "channel", "", type->summary, {type->options}});
  for (const auto* type : registry.sinks) {
    entries.push_back({type->name, "sink", "", type->summary, {type->options}});
    if (type->connects) entries.back().tables.push_back(pipeline::connection_options());
    entries.back().tables.push_back(pipeline::encoding_options(*type));
    entries.back().tables.push_back(pipeline::delivery_options());
  }
  return entries;
}

// The value as it would stand in the file.
std::string standard_of(const Option& option) {
  if (option.required) return "required";
  switch (option.type) {
    case OptionType::boolean:
    case OptionType::number:
      return std::string(option.standard);
    case OptionType::texts: {
      std::string list = "[";
      for (std::string_view rest = option.standard; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(", "), rest.size());
        list += concat(list.size() > 1 ? ", " : "", '"', rest.substr(0, comma), '"');
        rest.remove_prefix(std::min(comma + 2, rest.size()));
      }
      return list + ']';
    }
    case OptionType::text:
    case OptionType::size:
    case OptionType::duration:
      break;
  }
  return concat('"', option.standard, '"');
}

std::string bound(OptionType type, std::uint64_t value) {
  if (type == OptionType::size) return concat(WrittenSize{value});
  if (type == OptionType::duration)
    return concat(WrittenDuration{Duration(static_cast<std::int64_t>(value))});
  return concat(value);
}

// "text|json", "1 to 19", "4 KiB to 8 MiB", "at least 1"; empty: whatever the type takes.
std::string values_of(const Option& option) {
  if (!option.choices.empty()) return std::string(option.choices);
  const bool has_minimum = option.minimum > 0;
  const bool has_maximum = option.maximum < UINT64_MAX;
  if (has_maximum)
    return concat(bound(option.type, option.minimum), " to ", bound(option.type, option.maximum));
  return has_minimum ? concat("at least ", bound(option.type, option.minimum)) : std::string();
}

Row row_of(const Option& option) {
  return {std::string(option.name), std::string(pipeline::name_of(option.type)),
          standard_of(option), values_of(option), std::string(option.help)};
}

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t at = 0; at < row.size(); ++at)
      widths[at] = std::max(widths[at], row[at].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = "  ";
    for (std::size_t at = 0; at < row.size(); ++at) {
      if (widths[at] == 0) continue;
      line += row[at];
      line.append(widths[at] - row[at].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

// A bar inside a table cell would end it, stars would be emphasis.
std::string escaped(std::string_view cell) {
  std::string text;
  for (const char c : cell) {
    if (c == '|' || c == '*') text += '\\';
    text += c;
  }
  return text;
}
std::string as_code(const std::string& text) { return '`' + text + '`'; }

// A sink's table has its own options only: those that all share are on one page ("sinks").
std::string markdown_table(const Entry& entry) {
  const std::size_t own = entry.kind == "sink" ? 1 : entry.tables.size();
  if (entry.kind == "sink" && entry.tables.front().empty()) return {};
  std::string text = "| Option | Type | Default | Values | Meaning |\n|---|---|---|---|---|\n";
  for (const Options& table : std::span(entry.tables).first(own))
    for (const Option& option : table) {
      const std::string standard =
          option.required ? std::string("required") : as_code(standard_of(option));
      text += "| " + as_code(std::string(option.name)) + " | " +
              std::string(pipeline::name_of(option.type)) + " | " + escaped(standard) + " | " +
              escaped(values_of(option)) + " | " + escaped(option.help) + " |\n";
    }
  return text;
}

// [sinks.NAME] has keys besides its options.
std::string keys_of(std::string_view kind) {
  if (kind == "source") return "  channels = [\"...\"], 1 to 4 of them, are required too\n";
  if (kind == "sink") return "  channel = \"...\" is required too\n";
  return {};
}

std::string described(const Entry& entry) {
  std::string text(entry.name);
  if (!entry.kind.empty())
    text += entry.activity.empty() ? concat(" (", entry.kind, ')')
                                   : concat(" (", entry.activity, ' ', entry.kind, ')');
  text += concat(": ", entry.summary, '\n');
  std::vector<Row> rows;
  for (const Options& table : entry.tables)
    for (const Option& option : table) rows.push_back(row_of(option));
  if (!rows.empty()) {
    rows.insert(rows.begin(), Row{"OPTION", "TYPE", "DEFAULT", "VALUES", "MEANING"});
    text += '\n' + aligned(rows);
  }
  return text + keys_of(entry.kind);
}

}  // namespace

std::string list_types(const Registry& registry) {
  std::string text;
  std::string_view kind;
  std::vector<Row> rows;
  const auto flush = [&] {
    if (!rows.empty()) text += concat(text.empty() ? "" : "\n", kind, "s\n") + aligned(rows);
    rows.clear();
  };
  for (const Entry& entry : entries_of(registry)) {
    if (entry.kind != kind) flush();
    kind = entry.kind;
    rows.push_back(
        {std::string(entry.name), std::string(entry.activity), std::string(entry.summary)});
  }
  flush();
  return text +
         "\nrunnel list TYPE prints the options of a type, runnel list agent those of [agent]\n";
}

Built<std::string> list_type(const Registry& registry, std::string_view name, bool markdown) {
  std::vector<Entry> entries = entries_of(registry);
  entries.push_back({"agent", "", "", "the options of [agent]", {agent_options()}});
  entries.push_back(
      {"groups", "", "", "the options of [groups.NAME], beside sinks", {group_options()}});
  entries.push_back({"links", "", "", "the options of [links.NAME]", {link_options()}});
  entries.push_back({"sinks",
                     "",
                     "",
                     "the options that all sinks share; the first four only those "
                     "that send bytes",
                     {pipeline::encoding_options(), pipeline::delivery_options()}});
  entries.push_back({"connections",
                     "",
                     "",
                     "the options that all sinks share that connect to somebody",
                     {pipeline::connection_options()}});
  std::string text;
  bool found = false;
  std::vector<std::string_view> names;
  for (const Entry& entry : entries) {
    names.push_back(entry.name);
    if (entry.name != name && concat(entry.kind, '/', entry.name) != name) continue;
    found = true;
    if (!text.empty()) text += '\n';
    text += markdown ? markdown_table(entry) : described(entry);
  }
  if (found) return text;
  const std::string hint = did_you_mean(name, names);
  return problem(concat("runnel list: there is no type \"", name, '"',
                        hint.empty() ? concat("; possible: ", listed(names)) : hint),
                 exit_codes::usage);
}

}  // namespace runnel::agent
