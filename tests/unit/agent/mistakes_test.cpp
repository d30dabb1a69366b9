// Goal: every mistake in a configuration is told in one line that says where it is, what it is and
// what to do. Method: a table of edits to a configuration that is right, each with the whole
// message it must give. "..." at the end: the rest is the TOML library's wording.
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "agent/exit_codes.hpp"
#include "agent/settings.hpp"
#include "fake_components.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {

constexpr std::string_view right = R"([sources.log]
type = "tail"
paths = ["/var/log/*.log"]
channels = ["main"]
[channels.main]
type = "memory"
[sinks.out]
type = "file"
channel = "main"
path = "/data/out"
)";

// 520 bytes.
#define FORTY "0123456789012345678901234567890123456789"
#define LONG_FOLDER FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY

struct Mistake {
  std::string_view replaced;
  std::string_view by;
  std::string_view message;
};

const Mistake mistakes[] = {
    {"type = \"tail\"", "type = tail", "f.toml:2:9: not valid TOML: ..."},
    {"[channels.main]", "[channels.main", "f.toml:5:15: not valid TOML: ..."},
    {"\"/data/out\"\n", "\"/data/out\n", "f.toml:10:18: not valid TOML: ..."},
    {"type = \"memory\"", "type = \"memory\"\ntype = \"memory\"",
     "f.toml:7:8: not valid TOML: ..."},
    {"", "[sources.log]\n", "f.toml:11:1: not valid TOML: ..."},
    {"[sinks.out]",
     "\x01"
     "[sinks.out]",
     "f.toml:7:1: not valid TOML: ..."},
    {"[sources.log]", "[source.log]",
     "f.toml:1:2: unknown table \"source\"; did you mean \"sources\"?"},
    {"", "[sink.more]\ntype = \"null\"\n",
     "f.toml:11:2: unknown table \"sink\"; did you mean \"sinks\"?"},
    {"", "[zebra]\n",
     "f.toml:11:2: unknown table \"zebra\"; possible: agent, sources, channels, sinks, groups, "
     "links"},
    {"", "agent = 5\n",
     "f.toml:11:1: sinks.out: unknown option \"agent\"; possible: type, channel, path, "
     "roll.max_bytes, roll.max_age, encoding, gaps, compression.codec, compression.level, "
     "batch.max_bytes, batch.max_events, batch.linger, retry.first, retry.longest, "
     "dead_letter.dir, dead_letter.max_bytes"},
    {"[sources.log]", "agent = 5\n[sources.log]",
     "f.toml:1:1: agent is a whole number, not a table; write [agent]"},
    {"[sources.log]", "[sources]\nname = \"x\"\n[sources.log]",
     "f.toml:2:1: sources.name is a text, not a table; write [sources.NAME] with a name of your "
     "choice"},
    {"[sources.log]", "[[sources.log]]",
     "f.toml:1:11: sources.log is a list, not a table; write [sources.NAME] with a name of your "
     "choice"},
    {"[sources.log]", "[sources.\"a b\"]",
     "f.toml:1:10: \"a b\" cannot name a source; use letters, digits, \"-\" and \"_\", 1 to 64 of "
     "them"},
    {"[sources.log]",
     "[sources.\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]",
     "f.toml:1:10: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" cannot "
     "name a source; use letters, digits, \"-\" and \"_\", 1 to 64 of them"},
    {"[sinks.out]", "[[sinks]]", "f.toml:7:3: sinks is a list, not a table; write [sinks.NAME]"},
    {"[sources.log]", "sources = []\n[source.log]",
     "f.toml:1:1: sources is a list, not a table; write [sources.NAME]\nf.toml:2:2: unknown table "
     "\"source\"; did you mean \"sources\"?"},
    {"[sources.log]", "[agent]\nnam = \"x\"\n[sources.log]",
     "f.toml:2:1: agent: unknown option \"nam\"; did you mean \"name\"?"},
    {"[sources.log]", "[agent]\nname = \"a b\"\n[sources.log]",
     "f.toml:2:8: agent: name may have letters, digits, \"-\" and \"_\", 1 to 64 of them"},
    {"[sources.log]", "[agent]\nmemory_limit = \"1KiB\"\n[sources.log]",
     "f.toml:2:16: agent: memory_limit is below its minimum of 1MiB"},
    {"[sources.log]", "[agent]\ndrain_timeout = 10\n[sources.log]",
     "f.toml:2:17: agent: drain_timeout is 10 without a unit; write \"10s\""},
    {"[sources.log]", "[agent]\ndrain_timeout = \"2h\"\n[sources.log]",
     "f.toml:2:17: agent: drain_timeout is above its maximum of 1h"},
    {"[sources.log]", "[agent]\nlog_format = \"jason\"\n[sources.log]",
     "f.toml:2:14: agent: log_format is \"jason\", not one of text|json; did you mean \"json\"?"},
    {"[sources.log]", "[agent]\nlog_level = 3\n[sources.log]",
     "f.toml:2:13: agent: log_level is a whole number; it takes a text in quotes"},
    {"[sources.log]", "[agent]\nstate_dir = \"a\\u0000b\"\n[sources.log]",
     "f.toml:2:13: agent: state_dir has a zero byte in it"},
    {"type = \"tail\"\n", "",
     "f.toml:1:10: sources.log: type is missing; add type = \"...\", one of tail, syslog"},
    {"type = \"tail\"", "type = \"tial\"",
     "f.toml:2:8: sources.log: type \"tial\" is no source; did you mean \"tail\"?"},
    {"type = \"tail\"", "type = \"kafka\"",
     "f.toml:2:8: sources.log: type \"kafka\" is no source; possible: tail, syslog"},
    {"type = \"tail\"", "type = \"file\"",
     "f.toml:2:8: sources.log: type \"file\" is a sink, not a source; possible: tail, syslog"},
    {"type = \"tail\"", "type = 5",
     "f.toml:2:8: sources.log: type is a whole number, not a text; write type = \"...\", one of "
     "tail, syslog"},
    {"type = \"memory\"", "type = \"file\"",
     "f.toml:6:8: channels.main: type \"file\" is a sink, not a channel; possible: memory"},
    {"type = \"memory\"", "type = \"memroy\"",
     "f.toml:6:8: channels.main: type \"memroy\" is no channel; did you mean \"memory\"?"},
    {"type = \"file\"", "type = \"tail\"",
     "f.toml:8:8: sinks.out: type \"tail\" is a source, not a sink; possible: file, null"},
    {"type = \"file\"", "type = \"pigeon\"",
     "f.toml:8:8: sinks.out: type \"pigeon\" is not in this build; one that is made with cmake "
     "-DRUNNEL_PIGEON=ON has it"},
    {"type = \"file\"", "type = \"fil\"",
     "f.toml:8:8: sinks.out: type \"fil\" is no sink; did you mean \"file\"?"},
    {"paths =", "path =",
     "f.toml:3:1: sources.log: unknown option \"path\"; did you mean \"paths\"?"},
    {"paths = [\"/var/log/*.log\"]\n", "",
     "f.toml:1:10: sources.log: paths is missing (files and globs); add paths = [\"...\"]"},
    {"[\"/var/log/*.log\"]", "\"/var/log/*.log\"",
     "f.toml:3:9: sources.log: paths is a text; it takes a list: write [\"/var/log/*.log\"]"},
    {"[\"/var/log/*.log\"]", "[]",
     "f.toml:3:9: sources.log: paths is an empty list; it takes at least one"},
    {"[\"/var/log/*.log\"]", "[\"/a\", 5]",
     "f.toml:3:9: sources.log: paths has a whole number in it; it takes texts only"},
    {"[\"/var/log/*.log\"]", "[\"/a\", \"\"]",
     "f.toml:3:9: sources.log: paths has an empty text in it"},
    {"[\"/var/log/*.log\"]", "[\"logs/*\"]",
     "f.toml:3:9: sources.log: paths has \"logs/*\", which is not absolute"},
    {"[\"/var/log/*.log\"]", "{ a = \"b\" }",
     "f.toml:3:9: sources.log: paths is a table; it takes a list of texts such as [\"...\"]"},
    {"paths =", "start_at = \"begining\"\npaths =",
     "f.toml:3:12: sources.log: start_at is \"begining\", not one of beginning|end; did you mean "
     "\"beginning\"?"},
    {"paths =", "start_at = true\npaths =",
     "f.toml:3:12: sources.log: start_at is a boolean; it takes a text in quotes"},
    {"paths =", "event_bytes_max = \"64kib\"\npaths =",
     "f.toml:3:19: sources.log: event_bytes_max is \"64kib\", not a size such as \"4MiB\" or "
     "\"512KiB\""},
    {"paths =", "event_bytes_max = \"100B\"\npaths =",
     "f.toml:3:19: sources.log: event_bytes_max is below its minimum of 256B"},
    {"paths =", "event_bytes_max = 100\npaths =",
     "f.toml:3:19: sources.log: event_bytes_max is below its minimum of 256B"},
    {"paths =", "event_bytes_max = -1\npaths =",
     "f.toml:3:19: sources.log: event_bytes_max is -1, below zero"},
    {"paths =", "event_bytes_max = \"99999999999GiB\"\npaths =",
     "f.toml:3:19: sources.log: event_bytes_max is \"99999999999GiB\", not a size such as \"4MiB\" "
     "or \"512KiB\""},
    {"paths =", "event_bytes_max = 1.5\npaths =",
     "f.toml:3:19: sources.log: event_bytes_max is a fraction; it takes a size such as \"4MiB\""},
    {"paths =", "poll_interval = \"1 s\"\npaths =",
     "f.toml:3:17: sources.log: poll_interval is \"1 s\", not a duration such as \"500ms\" or "
     "\"1h\""},
    {"paths =", "poll_interval = \"1ms\"\npaths =",
     "f.toml:3:17: sources.log: poll_interval is below its minimum of 10ms"},
    {"paths =", "poll_interval = 07:32:00\npaths =",
     "f.toml:3:17: sources.log: poll_interval is a date or time; it takes a duration such as "
     "\"10s\""},
    {"paths =", "files_max = 0\npaths =",
     "f.toml:3:13: sources.log: files_max is below its minimum of 1"},
    {"paths =", "files_max = 10001\npaths =",
     "f.toml:3:13: sources.log: files_max is above its maximum of 10000"},
    {"paths =", "files_max = -3\npaths =", "f.toml:3:13: sources.log: files_max is -3, below zero"},
    {"paths =", "files_max = \"10\"\npaths =",
     "f.toml:3:13: sources.log: files_max is a text; it takes a whole number"},
    {"paths =", "follow = \"yes\"\npaths =",
     "f.toml:3:10: sources.log: follow is a text; it takes true or false"},
    {"path =", "batch.max_byte = \"1MiB\"\npath =",
     "f.toml:10:7: sinks.out: unknown option \"batch.max_byte\"; did you mean "
     "\"batch.max_bytes\"?"},
    {"path =", "batch = { max_events = 0 }\npath =",
     "f.toml:10:24: sinks.out: batch.max_events is below its minimum of 1"},
    {"path =", "batch = \"1MiB\"\npath =",
     "f.toml:10:9: sinks.out: batch is a text, not a table; write batch = { max_bytes = ... }"},
    {"path =", "compression = \"zstd\"\npath =",
     "f.toml:10:15: sinks.out: compression is a text, not a table; write compression = { codec = "
     "... }"},
    {"path =", "compression = { codec = \"lz4\" }\npath =",
     "f.toml:10:25: sinks.out: compression.codec is \"lz4\", not one of none|gzip|zstd"},
    {"path =", "compression = { codec = \"gzip\", level = 12 }\npath =",
     "f.toml:10:41: sinks.out: compression.level is 12, but gzip has levels 1 to 9"},
    {"path =", "compression.level = 3\npath =",
     "f.toml:10:21: sinks.out: compression.level is set, but compression.codec is \"none\""},
    {"path =", "max_events = 5\npath =",
     "f.toml:10:1: sinks.out: unknown option \"max_events\"; did you mean \"batch.max_events\"?"},
    {"path =", "max_age = \"5h\"\npath =",
     "f.toml:10:1: sinks.out: unknown option \"max_age\"; did you mean \"roll.max_age\"?"},
    {"path =", "retry = { first = \"1m\", longest = \"1s\" }\npath =",
     "f.toml:10:35: sinks.out: retry.longest is shorter than retry.first"},
    {"path =", "dead_letter.dir = \"/" LONG_FOLDER "\"\npath =",
     "f.toml:10:19: sinks.out: dead_letter.dir is longer than 512 bytes"},
    {"path =", "dead_letter = { dir = \"/dead\", max_bytes = \"64KiB\" }\npath =",
     "f.toml:10:44: sinks.out: dead_letter.max_bytes is 64.0 KiB, but one dead letter can take "
     "..."},
    {"path =", "wholly_unheard_of = \"5h\"\npath =",
     "f.toml:10:1: sinks.out: unknown option \"wholly_unheard_of\"; possible: type, channel, path, "
     "roll.max_bytes, roll.max_age, encoding, gaps, compression.codec, compression.level, "
     "batch.max_bytes, batch.max_events, batch.linger, retry.first, retry.longest, "
     "dead_letter.dir, dead_letter.max_bytes"},
    {"path = \"/data/out\"", "path = \"\"", "f.toml:10:8: sinks.out: path is empty (where)"},
    {"path = \"/data/out\"", "path = { a = 1 }",
     "f.toml:10:8: sinks.out: path is a table; it takes a text in quotes"},
    {"type = \"file\"\nchannel = \"main\"\npath = \"/data/out\"",
     "type = \"null\"\nchannel = \"main\"\nencoding = \"json\"",
     "f.toml:10:1: sinks.out: unknown option \"encoding\"; possible: type, channel, "
     "batch.max_bytes, batch.max_events, batch.linger, retry.first, retry.longest, "
     "dead_letter.dir, dead_letter.max_bytes"},
    {"type = \"memory\"", "type = \"memory\"\ncapacity = \"16KiB\"",
     "f.toml:7:12: channels.main: capacity is below its minimum of 64KiB"},
    {"type = \"memory\"", "type = \"memory\"\nwhen_full = \"drop\"",
     "f.toml:7:13: channels.main: when_full is \"drop\", not one of block|drop_newest|drop_oldest"},
    {"channels = [\"main\"]", "channels = [\"mian\"]",
     "f.toml:4:13: sources.log: there is no channel \"mian\"; did you mean \"main\"?"},
    {"channels = [\"main\"]", "channels = [\"elsewhere\"]",
     "f.toml:4:13: sources.log: there is no channel \"elsewhere\"; possible: main"},
    {"channels = [\"main\"]", "channels = \"main\"",
     "f.toml:4:12: sources.log: channels is a text, not a list; write channels = [\"main\"]"},
    {"channels = [\"main\"]", "channels = []",
     "f.toml:4:12: sources.log: channels is an empty list; write channels = [\"main\"]"},
    {"channels = [\"main\"]", "channels = [\"main\", \"main\"]",
     "f.toml:4:21: sources.log: channels has \"main\" twice; name it once"},
    {"channels = [\"main\"]", "channels = [\"main\", 5]",
     "f.toml:4:21: sources.log: channels has a whole number in it; write channels = [\"main\"]"},
    {"channels = [\"main\"]", "channels = [\"a\", \"b\", \"c\", \"d\", \"e\"]",
     "f.toml:4:12: sources.log: channels has 5 names; a source puts into at most 4"},
    {"", "[groups.both]\nsinks = [\"out\", \"our\"]\n",
     "f.toml:12:10: groups.both: sinks.out is a file, and groups are for sinks that send over a "
     "network; what no destination takes waits in the channel\nf.toml:12:17: groups.both: there is "
     "no sink \"our\"; did you mean \"out\"?"},
    {"", "[links.modem]\nmax_rate = \"1kB\"\nsend_window = \"1-5\"\n",
     "f.toml:13:15: links.modem: send_window is \"1-5\", not two times of day; write "
     "\"01:00-05:30\""},
    {"", "[groups.both]\npolicy = \"any\"\n",
     "f.toml:12:10: groups.both: policy is \"any\", not one of failover|load_balance"},
    {"", "[groups.both]\n",
     "f.toml:11:9: groups.both: sinks is missing; write sinks = [\"FIRST\", \"SECOND\"]"},
    {"", "[groups.both]\nsinks = [\"out\"]\n",
     "f.toml:12:9: groups.both: a group has at least two sinks; write sinks = [\"FIRST\", "
     "\"SECOND\"]"},
    {"channels = [\"main\"]", "channel = \"main\"",
     "f.toml:4:1: sources.log: unknown option \"channel\"; did you mean \"channels\"?"},
    {"channels = [\"main\"]\n", "",
     "f.toml:1:10: sources.log: channels is missing; write channels = [\"main\"]"},
    {"channel = \"main\"", "channel = \"mian\"",
     "f.toml:9:11: sinks.out: there is no channel \"mian\"; did you mean \"main\"?"},
    {"channel = \"main\"", "channel = [\"main\"]",
     "f.toml:9:11: sinks.out: channel is a list, not a text; write channel = \"main\""},
    {"channel = \"main\"\n", "",
     "f.toml:7:8: sinks.out: channel is missing; add channel = \"main\""},
    {"", "[channels.spare]\ntype = \"memory\"\n",
     "f.toml:11:11: channels.spare: no source puts into this channel; add channels = [\"spare\"] "
     "to a source, or remove it\nf.toml:11:11: channels.spare: no sink takes from this channel; "
     "add channel = \"spare\" to a sink, or remove it"},
    {"[channels.main]\ntype = \"memory\"\n", "",
     "f.toml: there is no channel; add [channels.NAME] with its type\nf.toml:4:13: sources.log: "
     "there is no channel \"main\"; add [channels.main]\nf.toml:7:11: sinks.out: there is no "
     "channel \"main\"; add [channels.main]"},
    {"[sources.log]\ntype = \"tail\"\npaths = [\"/var/log/*.log\"]\nchannels = [\"main\"]\n", "",
     "f.toml: there is no source; add [sources.NAME] with its type"},
    {"[sinks.out]\ntype = \"file\"\nchannel = \"main\"\npath = \"/data/out\"\n", "",
     "f.toml: there is no sink; add [sinks.NAME] with its type"},
    {"[sinks.out]\ntype = \"file\"\nchannel = \"main\"\npath = \"/data/out\"\n", "[sinks]\n",
     "f.toml:7:2: there is no sink; add [sinks.NAME] with its type"},
    {"type = \"memory\"", "type = \"memory\"\ncapacity = \"64KiB\"",
     "f.toml:1:10: sources.log: an event can take 64.1 KiB, more than half of channels.main (64.0 "
     "KiB); lower event_bytes_max or raise capacity"},
    {"paths =", "event_bytes_max = \"4MiB\"\npaths =",
     "f.toml:3:19: sources.log: an event can take 4.0 MiB, more than half of channels.main (4.0 "
     "MiB); lower event_bytes_max or raise capacity"},
    {"type = \"memory\"\n[sinks.out]\n",
     "type = \"memory\"\ncapacity = \"200KiB\"\nwhen_full = \"drop_oldest\"\n"
     "[sinks.out]\nbatch.max_bytes = \"128KiB\"\n",
     "f.toml:10:19: sinks.out: batch.max_bytes is 128 KiB, more than half of channels.main (200 "
     "KiB), which would drop events while a batch fills; lower it or raise capacity"},
    {"/data/out\"\n", "/data/out\"\nbatch.max_bytes = \"1KiB\"\n",
     "f.toml:11:19: sinks.out: batch.max_bytes is below its minimum of 4.0 KiB"},
    {"/data/out", "/var/log/out.log",
     "f.toml:10:8: sinks.out: it would write \"/var/log/out.log\", which sources.log reads: Runnel "
     "would collect its own output; change one of them"},
    {"", "[sinks.twin]\ntype = \"file\"\nchannel = \"main\"\npath = \"/data/out\"\n",
     "f.toml:14:8: sinks.twin: it would write \"/data/out\", as sinks.out does; give each its own "
     "path"},
    {"/data/out", "${DATA}/out",
     "f.toml:10:8: sinks.out.path names the variable DATA, which is not set; set it, or write "
     "${DATA:-standard}"},
    {"/data/out", "${DATA",
     "f.toml:10:8: sinks.out.path has \"${\" without \"}\"; write $${ for a literal ${"},
    {"/data/out", "${}",
     "f.toml:10:8: sinks.out.path has \"${}\", which names no variable; write ${NAME}, "
     "${NAME:-standard}, ${file:/PATH}, or $${ for a literal ${"},
    {"/data/out", "${1A}",
     "f.toml:10:8: sinks.out.path has \"${1A}\", which names no variable; write ${NAME}, "
     "${NAME:-standard}, ${file:/PATH}, or $${ for a literal ${"},
    {"/data/out", "${A:-${B}}",
     "f.toml:10:8: sinks.out.path has a variable inside ${A}; variables do not nest"},
    {"/data/out", "${LONG}", "f.toml:10:8: sinks.out.path is longer than 4096 bytes"},
    {"/data/out", "${EMPTY}", "f.toml:10:8: sinks.out: path is empty (where)"},
    {"[\"main\"]", "[\"${CHANNEL}\"]",
     "f.toml:4:13: sources.log.channels names the variable CHANNEL, which is not set; set it, or "
     "write ${CHANNEL:-standard}"},
    {"type = \"memory\"", "type = \"memory\"\ncapacity = \"${SIZE}B\"",
     "f.toml:7:12: channels.main: capacity is \"1MiBB\", not a size such as \"4MiB\" or "
     "\"512KiB\""},
    {"path =", "batch.max_events = \"${SIZE}\"\npath =",
     "f.toml:10:20: sinks.out: batch.max_events is \"1MiB\", not a whole number"},
    {"type = \"tail\"\npaths =", "type = \"tail\"\nstart_at = \"x\"\nfiles_max = \"y\"\npath =",
     "f.toml:3:12: sources.log: start_at is \"x\", not one of beginning|end\nf.toml:4:13: "
     "sources.log: files_max is a text; it takes a whole number\nf.toml:5:1: sources.log: unknown "
     "option \"path\"; did you mean \"paths\"?"},
};

std::string edited(const Mistake& mistake) {
  std::string text(right);
  if (mistake.replaced.empty()) return text.append(mistake.by);
  const std::size_t at = text.find(mistake.replaced);
  REQUIRE_MESSAGE(at != text.npos, std::string(mistake.replaced));
  return text.replace(at, mistake.replaced.size(), mistake.by);
}

const auto environment = [](const std::string& name) -> std::optional<std::string> {
  if (name == "SIZE") return "1MiB";
  if (name == "EMPTY") return "";
  if (name == "LONG") return std::string(5000, 'x');
  return std::nullopt;
};

std::string message_of(std::string_view text) {
  const auto settings = read_settings(text, "f.toml", testing::fake_components(), environment);
  if (settings) return "accepted";
  CHECK(settings.error().exit_code == exit_codes::configuration);
  return settings.error().text;
}

bool is_expected(std::string_view message, std::string_view expected) {
  if (!expected.ends_with("...")) return message == expected;
  return message.starts_with(expected.substr(0, expected.size() - 3));
}

}  // namespace

TEST_CASE("configuration: what the mistakes are made in is right") {
  CHECK(message_of(right) == "accepted");
}

TEST_CASE("configuration: mistakes") {
  CHECK(std::size(mistakes) >= 45);
  for (const Mistake& mistake : mistakes) {
    const std::string message = message_of(edited(mistake));
    CHECK_MESSAGE(is_expected(message, mistake.message), "\n  edit: ", std::string(mistake.by),
                  "\n  says: ", message, "\n  not:  ", std::string(mistake.message));
  }
}
