#include "agent/settings.hpp"

#include <algorithm>

#include "agent/groups.hpp"
#include "agent/link_options.hpp"
#include "agent/section.hpp"
#include "agent/settings_checks.hpp"
#include "agent/toml_reader.hpp"
#include "agent/wiring.hpp"
#include "pipeline/connection_options.hpp"
#include "sources/listening/listen_address.hpp"

namespace runnel::agent {
namespace {

using pipeline::OptionValues;

void expand(Node& node, const std::string& path, const VariableLookup& environment,
            const FileLookup& files, Complaints& complaints) {
  if (node.kind == Node::Kind::text) {
    auto expanded = expand_variables(node.text, environment, files);
    if (!expanded) {
      complaints.add(node.place, path, " ", expanded.error());
      node.broken = true;
      return;
    }
    node.text = std::move(expanded->text);
    node.from_variable = expanded->replaced;
    node.secret = !expanded->secrets.empty();
    for (std::string& secret : expanded->secrets) complaints.hide(node.place, std::move(secret));
  }
  for (Node& item : node.items) {
    expand(item, path, environment, files, complaints);
    node.broken = node.broken || item.broken;
    // What is wrong with an item may be told of the list.
    if (item.secret) complaints.hide(node.place, item.text);
  }
  for (Field& field : node.fields)
    expand(field.value, path.empty() ? field.name : concat(path, '.', field.name), environment,
           files, complaints);
}

// "applog" of "sources.applog".
std::string own_name(const Section& section) {
  return section.name().substr(section.name().find('.') + 1);
}

template <class Type>
std::vector<std::string_view> names_of(std::span<const Type* const> types) {
  std::vector<std::string_view> names;
  for (const Type* type : types) names.push_back(type->name);
  return names;
}

template <class Type>
const Type* find_type(std::span<const Type* const> types, std::string_view name) {
  for (const Type* type : types)
    if (type->name == name) return type;
  return nullptr;
}

// What is said first in its section.
std::string_view what_it_has(std::string_view group) {
  if (group == "groups") return "sinks";
  return group == "links" ? "max_rate" : "type";
}

class SettingsReader {
 public:
  SettingsReader(const Node& root, const Registry& registry, Complaints& complaints)
      : root_(root), registry_(registry), complaints_(complaints) {}

  Settings read() {
    check_tables();
    read_agent();
    collect("channels", channels_max, sections_.channels);
    collect("sources", sources_max, sections_.sources);
    collect("sinks", sinks_max, sections_.sinks);
    std::vector<Section> groups;
    if (root_.find("groups") != nullptr) collect("groups", sinks_max / 2, groups);
    std::vector<Section> links;
    if (root_.find("links") != nullptr) collect("links", sinks_max, links);
    Wiring wiring(channel_names());
    for (Section& section : links) read_link(section, settings_);
    for (Section& section : sections_.channels) read_channel(section);
    for (Section& section : sections_.sources) read_source(section, wiring);
    for (Section& section : sections_.sinks) read_sink(section, wiring);
    for (Section& section : groups) read_group(section, settings_, values_of_sinks_);
    sections_.source_links_known = wiring.all_sources_known() && !sections_.sources.empty();
    sections_.sink_links_known = wiring.all_sinks_known() && !sections_.sinks.empty();
    check_together(settings_, sections_);
    if (complaints_.empty()) add_connections(settings_);
    return std::move(settings_);
  }

 private:
  void check_tables();
  std::vector<std::string> channel_names() const;
  void read_agent();
  void collect(std::string_view group, std::size_t count_max, std::vector<Section>& sections);
  void read_channel(Section& section);
  void read_source(Section& section, Wiring& wiring);
  void read_sink(Section& section, Wiring& wiring);
  template <class Type>
  const Type* type_of(Section& section, std::span<const Type* const> types, std::string_view kind);

  const Node& root_;
  const Registry& registry_;
  Complaints& complaints_;
  Settings settings_;
  Sections sections_;
  std::vector<OptionValues> values_of_sinks_;
  std::vector<std::string_view> suggested_;  // what unknown tables probably are
};

void SettingsReader::check_tables() {
  static constexpr std::string_view tables[] = {"agent", "sources", "channels",
                                                "sinks", "groups",  "links"};
  for (const Field& field : root_.fields) {
    if (std::find(std::begin(tables), std::end(tables), field.name) != std::end(tables)) continue;
    suggested_.push_back(nearest(field.name, tables));
    const std::string hint = did_you_mean(field.name, tables);
    complaints_.add(field.place, "unknown table \"", field.name, '"',
                    hint.empty() ? concat("; possible: ", listed(tables)) : hint);
  }
}

std::vector<std::string> SettingsReader::channel_names() const {
  std::vector<std::string> names;
  for (const Section& section : sections_.channels) names.push_back(own_name(section));
  return names;
}

void SettingsReader::read_agent() {
  static const Node nothing;
  const Field* field = root_.find("agent");
  const Node& table = field == nullptr ? nothing : field->value;
  const Place place = field == nullptr ? Place{} : field->place;
  if (table.kind != Node::Kind::table)
    return complaints_.add(place, "agent is ", describe(table.kind),
                           ", not a table; write [agent]");
  Section section("agent", place, table, complaints_);
  OptionValues values;
  if (!section.read({agent_options()}, {}, values)) return;
  AgentSettings& agent = settings_.agent;
  agent.name = values.text("name");
  agent.state_dir = values.text("state_dir");
  agent.memory_limit_bytes = values.size("memory_limit");
  agent.drain_timeout = values.duration("drain_timeout");
  agent.log_format = values.text("log_format") == "json" ? LogFormat::json : LogFormat::text;
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error})
    if (values.text("log_level") == name_of(level)) agent.log_level = level;
  if (const std::string& listen = values.text("listen"); !listen.empty()) {
    const auto where = sources::parse_listen(listen, sources::Transports::tcp);
    if (where)
      agent.listen = where->address;
    else
      section.complain_about("listen", where.error());
  }
  if (!is_component_name(agent.name))
    section.complain_about("name", "may have letters, digits, \"-\" and \"_\", 1 to 64 of them");
}

void SettingsReader::collect(std::string_view group, std::size_t count_max,
                             std::vector<Section>& sections) {
  const std::string one(group.substr(0, group.size() - 1));
  const Field* found = root_.find(group);
  const Place place = found == nullptr ? Place{} : found->place;
  const bool misspelt = std::find(suggested_.begin(), suggested_.end(), group) != suggested_.end();
  if (found == nullptr && misspelt) return;
  if (found == nullptr || (found->value.kind == Node::Kind::table && found->value.fields.empty()))
    return complaints_.add(place, "there is no ", one, "; add [", group, ".NAME] with its ",
                           what_it_has(group));
  if (found->value.kind != Node::Kind::table)
    return complaints_.add(place, group, " is ", describe(found->value.kind),
                           ", not a table; write [", group, ".NAME]");
  for (const Field& field : found->value.fields) {
    const std::string name = concat(group, '.', field.name);
    if (field.value.kind != Node::Kind::table) {
      complaints_.add(field.place, name, " is ", describe(field.value.kind),
                      ", not a table; write [", group, ".NAME] with a name of your choice");
      continue;
    }
    if (!is_component_name(field.name))
      complaints_.add(field.place, "\"", field.name, "\" cannot name a ", one,
                      "; use letters, digits, \"-\" and \"_\", 1 to 64 of them");
    if (sections.size() == count_max)
      return complaints_.add(field.place, "there are ", found->value.fields.size(), ' ', group,
                             "; at most ", count_max, " are possible");
    sections.emplace_back(name, field.place, field.value, complaints_);
  }
}

template <class Type>
const Type* SettingsReader::type_of(Section& section, std::span<const Type* const> types,
                                    std::string_view kind) {
  const auto names = names_of(types);
  const std::string* name =
      section.text_of("type", concat("type = \"...\", one of ", listed(names)));
  if (name == nullptr) return nullptr;
  if (const Type* type = find_type(types, *name); type != nullptr) return type;
  for (const Registry::LeftOut& each : registry_.left_out)
    if (each.name == *name && kind == "sink") {
      section.complain(section.place_of("type"), "type \"", *name,
                       "\" is not in this build; one that is made with cmake -D", each.option,
                       "=ON has it");
      return nullptr;
    }
  const std::string_view other = find_type(registry_.sources, *name)    ? "source"
                                 : find_type(registry_.channels, *name) ? "channel"
                                 : find_type(registry_.sinks, *name)    ? "sink"
                                                                        : "";
  const std::string hint = did_you_mean(*name, names);
  section.complain(section.place_of("type"), "type \"", *name, "\" is ",
                   other.empty() ? concat("no ", kind) : concat("a ", other, ", not a ", kind),
                   hint.empty() ? concat("; possible: ", listed(names)) : hint);
  return nullptr;
}

void SettingsReader::read_channel(Section& section) {
  ChannelConfig& channel = settings_.channels.emplace_back();
  channel.name = own_name(section);
  channel.type = type_of(section, registry_.channels, "channel");
  if (channel.type == nullptr) return;
  OptionValues values;
  if (!section.read({channel.type->options}, {"type"}, values)) {
    channel.type = nullptr;
    return;
  }
  const auto checked = channel.type->plan(values);
  if (checked) {
    channel.settings = *checked;
    return;
  }
  section.complain_about(checked.error().option, checked.error().text);
  channel.type = nullptr;
}

void SettingsReader::read_source(Section& section, Wiring& wiring) {
  SourceConfig& source = settings_.sources.emplace_back();
  source.name = own_name(section);
  source.channels = wiring.of_source(section);
  source.type = type_of(section, registry_.sources, "source");
  if (source.type == nullptr) return;
  OptionValues values;
  if (!section.read({source.type->options}, {"type", "channels"}, values)) return;
  auto plan = source.type->plan(values);
  if (plan)
    source.plan = std::move(*plan);
  else
    section.complain_about(plan.error().option, plan.error().text);
}

void SettingsReader::read_sink(Section& section, Wiring& wiring) {
  SinkConfig& sink = settings_.sinks.emplace_back();
  values_of_sinks_.emplace_back();
  sink.name = own_name(section);
  sink.channel = wiring.of_sink(section);
  sink.type = type_of(section, registry_.sinks, "sink");
  if (sink.type == nullptr) return;
  using Options = std::span<const pipeline::Option>;
  const Options encoding = pipeline::encoding_options(*sink.type);
  const Options connection = sink.type->connects ? pipeline::connection_options() : Options();
  OptionValues& values = values_of_sinks_.back();
  if (!section.read({sink.type->options, connection, encoding, pipeline::delivery_options()},
                    {"type", "channel"}, values))
    return;
  if (sink.type->connects) {
    choose_link(section, values, settings_);
    choose_connections(section, values, sink);
  }
  const auto delivery = pipeline::delivery_settings(values);
  if (!delivery) return section.complain_about(delivery.error().option, delivery.error().text);
  auto plan = sink.type->plan(values);
  if (!plan) return section.complain_about(plan.error().option, plan.error().text);
  sink.plan = std::move(*plan);
  const pipeline::DeliverySettings wishes = sink.plan->delivery;
  sink.plan->delivery = *delivery;
  sink.plan->delivery.keep_wishes_of(wishes);
}

}  // namespace

bool is_component_name(std::string_view name) {
  constexpr std::string_view allowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == name.npos;
}

Built<Settings> read_settings(std::string_view toml_text, std::string_view file_name,
                              const Registry& registry, const VariableLookup& environment,
                              const FileLookup& files) {
  Complaints complaints(file_name);
  auto root = read_toml(toml_text);
  if (!root) {
    complaints.add(root.error().place, root.error().text);
    return tl::unexpected(complaints.problem());
  }
  if (root->fields.empty()) {
    complaints.add({},
                   "the configuration is empty; it needs [sources.NAME], [channels.NAME] and "
                   "[sinks.NAME]");
    return tl::unexpected(complaints.problem());
  }
  expand(*root, "", environment, files, complaints);
  Settings settings = SettingsReader(*root, registry, complaints).read();
  if (!complaints.empty()) return tl::unexpected(complaints.problem());
  return settings;
}

}  // namespace runnel::agent
