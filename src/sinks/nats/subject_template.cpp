#include "sinks/nats/subject_template.hpp"

#include "codec/nats.hpp"

namespace runnel::sinks {
namespace {

static_assert(SubjectTemplate::subject_bytes_max <= codec::nats_subject_bytes_max);

bool stands_in_value(char c) {
  return c > ' ' && c < '\x7f' && std::string_view(".*>$").find(c) == std::string_view::npos;
}

void write_value(std::string_view raw, TextWriter& out) {
  for (const char c : raw.substr(0, SubjectTemplate::value_bytes_max))
    out << (stands_in_value(c) ? c : '_');
}

}  // namespace

constinit const EventName::Rules SubjectTemplate::rules = {
    .pattern_bytes_max = pattern_bytes_max,
    .value_bytes_max = value_bytes_max,
    .percent_escapes = true,
    .example = "logs.%{source}",
    .write_value = write_value,
};

tl::expected<SubjectTemplate, std::string> SubjectTemplate::parse(std::string_view pattern) {
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  SubjectTemplate made;
  if (std::string why = made.EventName::parse(pattern); !why.empty()) return refuse(std::move(why));
  Text<subject_bytes_max> sample;
  made.write_with("value", sample);
  if (!codec::nats_subject_valid(sample.text()))
    return refuse(
        "is no subject to publish to: tokens with dots between them, none of them empty, without "
        "wildcards (* and >) and spaces");
  return made;
}

}  // namespace runnel::sinks
