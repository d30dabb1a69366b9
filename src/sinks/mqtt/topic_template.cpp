#include "sinks/mqtt/topic_template.hpp"

#include "codec/mqtt/text.hpp"

namespace runnel::sinks {
namespace {

using codec::mqtt::topic_step;

// As much of `rest` as fits, with every character that must not be there an underscore.
void write_value(std::string_view rest, TextWriter& out) {
  std::size_t room = TopicTemplate::value_bytes_max;
  if (out.size() == 0 && rest.starts_with('$')) {
    out << '_';
    rest.remove_prefix(1);
    --room;
  }
  while (!rest.empty() && room > 0) {
    std::size_t kept = 0;  // good characters that go out in one piece
    auto step = topic_step(rest);
    while (step.allowed && rest[kept] != '/' && step.size <= room - kept) {
      kept += step.size;
      if (kept == rest.size()) break;
      step = topic_step(rest.substr(kept));
    }
    out << rest.substr(0, kept);
    rest.remove_prefix(kept);
    room -= kept;
    if (rest.empty() || room == 0) return;
    const bool good = step.allowed && rest.front() != '/';
    if (good) return;  // it no longer fits
    out << '_';
    rest.remove_prefix(step.size);
    --room;
  }
}

}  // namespace

constinit const EventName::Rules TopicTemplate::rules = {
    .pattern_bytes_max = pattern_bytes_max,
    .value_bytes_max = value_bytes_max,
    .percent_escapes = true,
    .example = "edge/%{source}",
    .write_value = write_value,
};

tl::expected<TopicTemplate, std::string> TopicTemplate::parse(std::string_view pattern) {
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  TopicTemplate made;
  if (std::string why = made.EventName::parse(pattern); !why.empty()) return refuse(std::move(why));
  if (pattern.find_first_of("+#") != std::string_view::npos)
    return refuse("has a wildcard (+ or #), which only subscribers may use");
  if (!codec::mqtt::valid_topic(pattern))
    return refuse("is not UTF-8, or has a control byte or another character no topic may have");
  return made;
}

}  // namespace runnel::sinks
