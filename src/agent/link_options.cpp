#include "agent/link_options.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace runnel::agent {
namespace {

using pipeline::DayWindow;
using pipeline::Option;
using pipeline::OptionType;

constexpr Option options[] = {
    {.name = "max_rate",
     .type = OptionType::size,
     .standard = "0",
     .help = "bytes a second that all its sinks together put on the wire; 0: no limit",
     .maximum = 1'000'000'000},
    {.name = "send_window",
     .type = OptionType::text,
     .standard = "",
     .help = "when batches may begin to go out, in UTC: \"01:00-05:30\"; empty: always"},
    {.name = "monthly_cap",
     .type = OptionType::size,
     .standard = "0",
     .help = "bytes on the wire that may go out in a month; 0: nobody counts"},
    {.name = "month_begins",
     .type = OptionType::number,
     .standard = "1",
     .help = "the day of the month on which counting begins anew, in UTC",
     .minimum = 1,
     .maximum = pipeline::MonthMeter::first_day_max},
    {.name = "cap_warning",
     .type = OptionType::number,
     .standard = "80",
     .help = "a warning is logged when so many percent of the cap have gone out",
     .minimum = 1,
     .maximum = 100},
    {.name = "at_cap",
     .type = OptionType::text,
     .standard = "wait",
     .help = "when all of it has gone out; wait: events wait for the next month; warn: it is said",
     .choices = "wait|warn"},
};

// "05:30"
std::optional<Duration> parse_time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  unsigned hours = 0, minutes = 0;
  const auto first = std::from_chars(text.data(), text.data() + 2, hours);
  const auto second = std::from_chars(text.data() + 3, text.data() + 5, minutes);
  if (first.ptr != text.data() + 2 || second.ptr != text.data() + 5) return std::nullopt;
  if (hours > 23 || minutes > 59) return std::nullopt;
  return std::chrono::hours(hours) + std::chrono::minutes(minutes);
}

}  // namespace

std::span<const Option> link_options() { return options; }

tl::expected<DayWindow, std::string> parse_day_window(std::string_view text) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const auto from = parse_time_of_day(text.substr(0, dash));
  const auto until = parse_time_of_day(text.substr(std::min(dash + 1, text.size())));
  if (!from || !until)
    return tl::unexpected(concat("is \"", text, "\", not two times of day; write \"01:00-05:30\""));
  if (*from == *until)
    return tl::unexpected(
        concat("is \"", text, "\", which ends as it begins; leave it out to send all day"));
  return DayWindow{*from, *until};
}

void read_link(Section& section, Settings& settings) {
  LinkConfig& link = settings.links.emplace_back();
  link.name = section.name().substr(section.name().find('.') + 1);
  pipeline::OptionValues values;
  if (!section.read({options}, {}, values)) return;
  link.settings.bytes_per_second = values.size("max_rate");
  link.settings.month_bytes = values.size("monthly_cap");
  link.settings.month_first_day = static_cast<std::uint32_t>(values.number("month_begins"));
  link.settings.month_warning_percent = static_cast<std::uint32_t>(values.number("cap_warning"));
  link.settings.waits_for_month = values.text("at_cap") == "wait";
  if (link.settings.month_bytes > 0 && settings.agent.state_dir.empty())
    section.complain_about("monthly_cap",
                           "needs a state_dir in [agent], where what was sent is remembered");
  if (values.text("send_window").empty()) return;
  const auto window = parse_day_window(values.text("send_window"));
  if (window)
    link.settings.window = *window;
  else
    section.complain_about("send_window", window.error());
}

void choose_link(Section& section, const pipeline::OptionValues& values, Settings& settings) {
  SinkConfig& sink = settings.sinks.back();
  const std::string& name = values.text("link");
  sink.priority = static_cast<std::uint32_t>(values.number("priority"));
  if (name.empty()) {
    if (sink.priority > 0)
      section.complain_about("priority", "says who goes first on a link; add link = \"NAME\"");
    return;
  }
  std::vector<std::string_view> names;
  for (const LinkConfig& link : settings.links) names.push_back(link.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) {
    sink.link = static_cast<std::size_t>(found - names.begin());
    return;
  }
  const std::string hint = did_you_mean(name, names);
  section.complain_about("link", concat("is \"", name, "\", and there is no such link",
                                        hint.empty() ? concat("; add [links.", name, "]") : hint));
}

}  // namespace runnel::agent
