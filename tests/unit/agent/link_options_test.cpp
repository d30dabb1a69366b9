// Goal: windows of the day are read as they are written, and anything else is refused; sinks find
// their links and groups.
#include "agent/link_options.hpp"

#include <doctest/doctest.h>

#include "agent/components.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {

WallTime at(int hours, int minutes, int seconds = 0) {
  return WallTime(std::chrono::hours(24 * 20'000 + hours) + std::chrono::minutes(minutes) +
                  std::chrono::seconds(seconds));
}

constexpr std::string_view two_sinks = R"(
[sources.log]
type = "generate"
channels = ["main"]
[channels.main]
type = "memory"
[links.modem]
max_rate = "4kB"
[links.night]
send_window = "22:00-04:00"
[sinks.first]
type = "tcp"
channel = "main"
address = "192.0.2.1:1"
link = "LINK"
priority = 3
[sinks.second]
type = "tcp"
channel = "main"
address = "192.0.2.2:1"
PRIORITY
[groups.both]
sinks = ["second", "first"]
policy = "load_balance"
)";

Built<Settings> read(const std::string& text) {
  const auto no_variables = [](const std::string&) { return std::optional<std::string>(); };
  return read_settings(text, "f.toml", components(), no_variables);
}

Built<Settings> settings_with(std::string_view link, std::string_view priority) {
  std::string text(two_sinks);
  text.replace(text.find("LINK"), 4, link);
  text.replace(text.find("PRIORITY"), 8, priority);
  return read(text);
}

}  // namespace

TEST_CASE("links and groups: sinks find them") {
  const auto settings = settings_with("modem", "");
  REQUIRE(settings);
  REQUIRE(settings->links.size() == 2);
  CHECK(settings->links[0].settings.bytes_per_second == 4000);
  CHECK(settings->links[1].settings.window.from == 22h);
  CHECK(settings->sinks[0].link == 0);
  CHECK(settings->sinks[0].priority == 3);
  CHECK(settings->sinks[1].link == SinkConfig::no_link);
  REQUIRE(settings->groups.size() == 1);
  CHECK(settings->groups[0].policy == pipeline::Group::Policy::load_balance);
  CHECK(settings->sinks[0].member == 1);
  CHECK(settings->sinks[1].member == 0);
  CHECK(settings->channels[0].settings.subscriptions_max == 1);
}

TEST_CASE("links: a link that is not there, a priority on none") {
  const auto misspelt = settings_with("moden", "");
  REQUIRE_FALSE(misspelt);
  CHECK(misspelt.error().text ==
        "f.toml:15:8: sinks.first: link is \"moden\", and there is no such link; did you mean "
        "\"modem\"?");
  const auto without = settings_with("modem", "priority = 1");
  REQUIRE_FALSE(without);
  CHECK(without.error().text ==
        "f.toml:21:12: sinks.second: priority says who goes first on a link; add link = \"NAME\"");
}

TEST_CASE("links: what a month may carry needs a place to remember it") {
  std::string text(two_sinks.substr(0, two_sinks.find("[sinks")));
  text.replace(text.find("max_rate"), 0,
               "monthly_cap = \"500MB\"\nmonth_begins = 15\nat_cap = \"warn\"\n");
  text += "[sinks.out]\ntype = \"null\"\nchannel = \"main\"\n";
  const auto without = read(text);
  REQUIRE_FALSE(without);
  CHECK(
      without.error().text ==
      "f.toml:8:15: links.modem: monthly_cap needs a state_dir in [agent], where what was sent is "
      "remembered");
  const auto settings = read("[agent]\nstate_dir = \"/var/lib/runnel\"\n" + text);
  REQUIRE(settings);
  CHECK(settings->links[0].settings.month_bytes == 500'000'000);
  CHECK(settings->links[0].settings.month_first_day == 15);
  CHECK(settings->links[0].settings.month_warning_percent == 80);
  CHECK_FALSE(settings->links[0].settings.waits_for_month);
  CHECK(settings->links[1].settings.month_bytes == 0);
}

TEST_CASE("groups: sinks that do not send the same, a name that is taken") {
  const auto problem_with = [](std::string_view more) {
    const auto settings = settings_with("modem", more);
    return settings ? std::string() : settings.error().text;
  };
  CHECK(problem_with("retry.first = \"1s\"\nconnect_timeout = \"1s\"").empty());
  CHECK(
      problem_with("encoding = \"json\"") ==
      "f.toml:23:20: groups.both: sinks.first has another encoding than sinks.second; all sinks of "
      "a group send the same");
  CHECK(problem_with("batch.max_events = 7").find("has another batch.max_events than") !=
        std::string::npos);
  CHECK(problem_with("link = \"night\"").empty());
  CHECK(problem_with("[sinks.both]\ntype = \"null\"\nchannel = \"main\"")
            .find("groups.both: sinks.both has the same name and channel") != std::string::npos);
}

TEST_CASE("connections: each is a sink that reads with the others") {
  std::string text(two_sinks.substr(0, two_sinks.find("[groups")));
  text.replace(text.find("\"LINK\""), 6, "\"modem\"\nconnections = 3");
  text.replace(text.find("PRIORITY"), 8, "");
  const auto settings = read(text);
  REQUIRE(settings);
  REQUIRE(settings->sinks.size() == 4);
  CHECK(settings->sinks[2].name == "first.2");
  CHECK(settings->sinks[3].name == "first.3");
  CHECK(settings->sinks[3].name_in_file() == "first");
  CHECK(settings->sinks[3].link == 0);
  CHECK(settings->sinks[3].plan == settings->sinks[0].plan);
  CHECK_FALSE(settings->sinks[2].subscribes());
  REQUIRE(settings->groups.size() == 1);
  CHECK(settings->groups[0].name == "first");
  CHECK(settings->groups[0].sinks == std::vector<std::size_t>{0, 2, 3});
  CHECK(settings->channels[0].settings.subscriptions_max == 2);
  // All that is on the way at once is a quarter of the channel.
  CHECK(settings->sinks[0].plan->delivery.take.bytes_max <
        settings->sinks[1].plan->delivery.take.bytes_max);

  const auto in_a_group = settings_with("modem", "connections = 2");
  REQUIRE_FALSE(in_a_group);
  CHECK(in_a_group.error().text ==
        "f.toml:23:10: groups.both: sinks.second has connections = 2, and in a group each sink has "
        "one; remove it");
}

TEST_CASE(
    "connections: refused where there can only be one, and batches have to fit all the same") {
  const auto problem_with = [](std::string_view sink, std::string_view channel = "") {
    const auto settings =
        read(concat(R"(
[sources.log]
type = "generate"
channels = ["main"]
[channels.main]
type = "memory"
)",
                    channel, "\n[sinks.out]\nchannel = \"main\"\nconnections = 4\n", sink));
    return settings ? std::string() : settings.error().text;
  };
  CHECK(problem_with("type = \"mqtt\"\naddress = \"192.0.2.1\"\ntopic = \"logs\"") ==
        "f.toml:10:15: sinks.out: connections is 4, but a broker lets a client_id in once; remove "
        "it");
  CHECK(problem_with("type = \"influx\"\nurl = \"http://192.0.2.1:8086\"\ndatabase = \"edge\"\n"
                     "measurement = \"logs\"")
            .find("connections is 4, but a batch that another connection repeats would have other "
                  "times; remove it") != std::string::npos);
  constexpr std::string_view http = "type = \"http\"\nurl = \"http://192.0.2.1/\"\n";
  CHECK(problem_with(concat(http, "batch.max_bytes = \"128KiB\""),
                     "when_full = \"drop_oldest\"\ncapacity = \"1MiB\"")
            .empty());
  CHECK(problem_with(concat(http, "batch.max_bytes = \"256KiB\""),
                     "when_full = \"drop_oldest\"\ncapacity = \"1MiB\"")
            .find("batch.max_bytes is 256 KiB for each of 4 connections, more than half of "
                  "channels.main (1.0 MiB)") != std::string::npos);
}

TEST_CASE("links: a window of the day") {
  const auto window = parse_day_window("01:00-05:30");
  REQUIRE(window);
  CHECK_FALSE(window->is_open(at(0, 59, 59)));
  CHECK(window->is_open(at(1, 0)));
  CHECK(window->is_open(at(5, 29, 59)));
  CHECK_FALSE(window->is_open(at(5, 30)));
  CHECK(window->opens_in(at(0, 59, 59)) == 1s);
  CHECK(window->opens_in(at(5, 30)) == 19h + 30min);
}

TEST_CASE("links: a window past midnight") {
  const auto window = parse_day_window("22:00-04:00");
  REQUIRE(window);
  CHECK(window->is_open(at(23, 59, 59)));
  CHECK(window->is_open(at(0, 0)));
  CHECK_FALSE(window->is_open(at(4, 0)));
  CHECK(window->opens_in(at(4, 0)) == 18h);
}

TEST_CASE("links: what is no window") {
  for (const char* text :
       {"", "-", "1:00-5:00", "01:00", "01:00-", "24:00-01:00", "01:60-02:00", "01:00-05:00 ",
        "01:00-05:00-06:00", "0a:00-01:00", "+1:00-02:00", "03:00-03:00"})
    CHECK_MESSAGE(!parse_day_window(text), text);
}
