#include "agent/wiring.hpp"

#include <algorithm>

#include "pipeline/outlet.hpp"

namespace runnel::agent {

std::vector<std::size_t> Wiring::of_source(Section& section) {
  std::vector<std::size_t> found;
  const bool usable = is_list_of_channels(section);
  all_sources_known_ = all_sources_known_ && usable;
  if (!usable) return found;
  const Node& list = section.table().find("channels")->value;
  for (const Node& item : list.items) {
    const std::size_t channel =
        item.kind == Node::Kind::text ? find(section, item.place, item.text) : nowhere;
    if (item.kind != Node::Kind::text)
      section.complain(item.place, "channels has ", describe(item.kind),
                       " in it; write channels = [\"", example(), "\"]");
    if (channel == nowhere)
      all_sources_known_ = false;
    else if (std::find(found.begin(), found.end(), channel) != found.end())
      section.complain(item.place, "channels has \"", item.text, "\" twice; name it once");
    else
      found.push_back(channel);
  }
  return found;
}

std::size_t Wiring::of_sink(Section& section) {
  std::size_t channel = nowhere;
  // `channels` is told as an unknown option that means this one.
  const bool misspelt =
      section.table().find("channel") == nullptr && section.table().find("channels") != nullptr;
  if (!misspelt) {
    const std::string* name = section.text_of("channel", concat("channel = \"", example(), '"'));
    if (name != nullptr) channel = find(section, section.place_of("channel"), *name);
  }
  all_sinks_known_ = all_sinks_known_ && channel != nowhere;
  return channel;
}

bool Wiring::is_list_of_channels(Section& section) const {
  const std::string fix = concat("write channels = [\"", example(), "\"]");
  const Field* field = section.table().find("channels");
  if (field == nullptr) {
    // `channel` is told as an unknown option that means this one.
    if (section.table().find("channel") == nullptr)
      section.complain(section.place(), "channels is missing; ", fix);
    return false;
  }
  const Node& value = field->value;
  if (value.broken) return false;
  if (value.kind != Node::Kind::list)
    section.complain(value.place, "channels is ", describe(value.kind), ", not a list; ", fix);
  else if (value.items.empty())
    section.complain(value.place, "channels is an empty list; ", fix);
  else if (value.items.size() > pipeline::outlet_channels_max)
    section.complain(value.place, "channels has ", value.items.size(),
                     " names; a source puts into at most ", pipeline::outlet_channels_max);
  else
    return true;
  return false;
}

std::size_t Wiring::find(Section& section, Place place, std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  std::string hint = did_you_mean(name, names_);
  if (hint.empty())
    hint = names_.empty() ? concat("; add [channels.", name, "]")
                          : concat("; possible: ", listed(names_));
  section.complain(place, "there is no channel \"", name, '"', hint);
  return nowhere;
}

}  // namespace runnel::agent
