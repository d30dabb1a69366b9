#include "agent/groups.hpp"

#include <algorithm>

#include "pipeline/connection_options.hpp"

namespace runnel::agent {
namespace {

using pipeline::Group;
using pipeline::Option;
using pipeline::OptionType;

constexpr Option options[] = {
    {.name = "policy",
     .type = OptionType::text,
     .standard = "failover",
     .help = "failover: the first of them that delivers; load_balance: whoever has nothing in hand",
     .choices = "failover|load_balance"},
};

constexpr std::string_view example = "write sinks = [\"FIRST\", \"SECOND\"]";

// Null after a complaint.
const std::vector<Node>* names_in(Section& section) {
  const Field* field = section.table().find("sinks");
  if (field == nullptr) {
    section.complain(section.place(), "sinks is missing; ", example);
    return nullptr;
  }
  const Node& list = field->value;
  if (list.broken) return nullptr;
  if (list.kind != Node::Kind::list)
    section.complain(list.place, "sinks is ", describe(list.kind), ", not a list; ", example);
  else if (list.items.size() < 2)
    section.complain(list.place, "a group has at least two sinks; ", example);
  else if (list.items.size() > Group::members_max)
    section.complain(list.place, "sinks has ", list.items.size(), " names; a group has at most ",
                     Group::members_max);
  else
    return &list.items;
  return nullptr;
}

std::size_t index_of(Section& section, const Settings& settings, const Node& name) {
  const auto found = std::find_if(settings.sinks.begin(), settings.sinks.end(),
                                  [&](const SinkConfig& each) { return each.name == name.text; });
  if (found != settings.sinks.end())
    return static_cast<std::size_t>(found - settings.sinks.begin());
  std::vector<std::string_view> names;
  for (const SinkConfig& sink : settings.sinks) names.push_back(sink.name);
  const std::string hint = did_you_mean(name.text, names);
  section.complain(name.place, "there is no sink \"", name.text, '"',
                   hint.empty() ? concat("; possible: ", listed(names)) : hint);
  return settings.sinks.size();
}

// What says where to, as whom and how often; everything else says what is sent.
constexpr std::string_view own_options[] = {"address",
                                            "url",
                                            "servers",
                                            "brokers",
                                            "user",
                                            "password",
                                            "password_file",
                                            "token",
                                            "shared_key",
                                            "client_id",
                                            "retry.first",
                                            "retry.longest",
                                            "dead_letter.max_bytes"};

bool may_differ(std::string_view option) {
  const auto is_it = [&](const Option& each) { return each.name == option; };
  const auto connection = pipeline::connection_options();
  return std::find(std::begin(own_options), std::end(own_options), option) !=
             std::end(own_options) ||
         std::any_of(connection.begin(), connection.end(), is_it);
}

// The first option in which they differ and must not; empty: they send the same.
std::string_view difference(const pipeline::SinkType& type, const pipeline::OptionValues& a,
                            const pipeline::OptionValues& b) {
  for (const auto table :
       {type.options, pipeline::encoding_options(type), pipeline::delivery_options()})
    for (const Option& option : table)
      if (!may_differ(option.name) && !a.same(b, option.name)) return option.name;
  return {};
}

// A batch that one has given back goes out as it is by another: they have to be alike.
std::string unlike(const SinkConfig& sink, const SinkConfig& first, std::string_view option) {
  if (sink.type != first.type)
    return concat("is a ", sink.type->name, ", and sinks.", first.name, " a ", first.type->name,
                  "; all sinks of a group send the same");
  if (!option.empty())
    return concat("has another ", option, " than sinks.", first.name,
                  "; all sinks of a group send the same");
  return {};
}

// What keeps `sink` out of `group`; empty: nothing.
std::string objection(std::size_t index, const GroupConfig& group, const Settings& settings,
                      const std::vector<pipeline::OptionValues>& values) {
  const SinkConfig& sink = settings.sinks[index];
  if (sink.group == settings.groups.size()) return "is in the list twice; name it once";
  if (sink.group != SinkConfig::no_group)
    return concat("is in groups.", settings.groups[sink.group].name,
                  " too; a sink is in one group");
  if (sink.type != nullptr && !sink.type->connects)
    return concat("is a ", sink.type->name,
                  ", and groups are for sinks that send over a network; what no destination takes "
                  "waits in the channel");
  if (sink.connections > 1)
    return concat("has connections = ", sink.connections,
                  ", and in a group each sink has one; remove it");
  if (group.sinks.empty()) return {};
  const SinkConfig& first = settings.sinks[group.sinks.front()];
  if (first.channel != sink.channel)
    return concat("takes from another channel than sinks.", first.name,
                  "; a group takes from one channel");
  // Of one with a mistake of its own nothing is known.
  if (sink.plan == nullptr || first.plan == nullptr) return {};
  return unlike(sink, first,
                sink.type == first.type
                    ? difference(*sink.type, values[index], values[group.sinks.front()])
                    : std::string_view());
}

// Both would be one reader in a journal, and one name for different batches.
void check_name(Section& section, const GroupConfig& group, const Settings& settings) {
  for (const SinkConfig& sink : settings.sinks)
    if (sink.name == group.name && sink.channel == group.channel)
      section.complain(section.place(), "sinks.", sink.name,
                       " has the same name and channel; give the group another");
}

}  // namespace

std::span<const Option> group_options() { return options; }

void read_group(Section& section, Settings& settings,
                const std::vector<pipeline::OptionValues>& values_of_sinks) {
  GroupConfig group;
  group.name = section.name().substr(section.name().find('.') + 1);
  pipeline::OptionValues values;
  if (!section.read({options}, {"sinks"}, values)) return;
  if (values.text("policy") == "load_balance") group.policy = Group::Policy::load_balance;
  const std::vector<Node>* names = names_in(section);
  if (names == nullptr) return;
  for (const Node& name : *names) {
    if (name.kind != Node::Kind::text) {
      section.complain(name.place, "sinks has ", describe(name.kind), " in it; ", example);
      continue;
    }
    const std::size_t index = index_of(section, settings, name);
    if (index == settings.sinks.size()) continue;
    SinkConfig& sink = settings.sinks[index];
    if (const std::string why = objection(index, group, settings, values_of_sinks); !why.empty()) {
      section.complain(name.place, "sinks.", sink.name, ' ', why);
      continue;
    }
    sink.group = settings.groups.size();
    sink.member = group.sinks.size();
    group.channel = sink.channel;
    group.sinks.push_back(index);
  }
  check_name(section, group, settings);
  settings.groups.push_back(std::move(group));
}

void choose_connections(Section& section, const pipeline::OptionValues& values, SinkConfig& sink) {
  sink.connections = static_cast<std::size_t>(values.number("connections"));
  if (sink.connections > 1 && !sink.type->one_connection.empty())
    section.complain_about("connections", concat("is ", sink.connections, ", but ",
                                                 sink.type->one_connection, "; remove it"));
}

void add_connections(Settings& settings) {
  const std::size_t sinks = settings.sinks.size();
  for (std::size_t index = 0; index < sinks; ++index) {
    SinkConfig& first = settings.sinks[index];
    if (first.connections == 1) continue;
    first.group = settings.groups.size();
    GroupConfig& group = settings.groups.emplace_back();
    group.name = first.name;
    group.policy = Group::Policy::load_balance;
    group.sinks = {index};
    group.channel = first.channel;
    group.of_one_sink = true;
    SinkConfig next = first;
    while (++next.connection < next.connections) {
      next.name = concat(group.name, '.', next.connection + 1);
      next.member = next.connection;
      group.sinks.push_back(settings.sinks.size());
      settings.sinks.push_back(next);
    }
  }
}

}  // namespace runnel::agent
