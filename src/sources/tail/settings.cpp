#include "sources/tail/settings.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sources/tail/glob.hpp"

namespace runnel::sources::tail {
namespace {

using pipeline::Option;
using pipeline::OptionType;

constexpr std::uint64_t milliseconds = 1'000'000;
constexpr std::uint64_t seconds = 1000 * milliseconds;
constexpr std::size_t patterns_max = 64;
// What has to fit behind the longest line for its newline to be found without another read.
constexpr std::size_t look_ahead_bytes = 4096;

constexpr Option table[] = {
    {.name = "paths",
     .type = OptionType::texts,
     .standard = "",
     .help = "files to read, absolute; *, ?, [a-z] in any part, ** for any number of folders",
     .required = true},
    {.name = "start_at",
     .type = OptionType::text,
     .standard = "beginning",
     .help = "where to begin with files that are there at the very first start",
     .choices = "beginning|end"},
    {.name = "event_bytes_max",
     .type = OptionType::size,
     .standard = "64KiB",
     .help = "longer lines are cut to this, marked with the header cut_bytes, and counted",
     .minimum = 64,
     .maximum = 16u << 20},
    {.name = "files_max",
     .type = OptionType::number,
     .standard = "256",
     .help = "files followed at once; memory is planned for them",
     .minimum = 1,
     .maximum = 4096},
    {.name = "flush_partial_after",
     .type = OptionType::duration,
     .standard = "0s",
     .help = "a last line without its newline becomes an event after this long; 0s: never"},
    {.name = "checkpoint_interval",
     .type = OptionType::duration,
     .standard = "1s",
     .help = "positions that have changed are written to state_dir at most this often",
     .minimum = 10 * milliseconds,
     .maximum = 3600 * seconds},
    {.name = "poll_interval",
     .type = OptionType::duration,
     .standard = "1s",
     .help = "how often to look where the kernel does not tell of changes (NFS, symbolic links)",
     .minimum = 10 * milliseconds,
     .maximum = 3600 * seconds},
    {.name = "close_idle_after",
     .type = OptionType::duration,
     .standard = "5m",
     .help = "a file that has not grown for this long is closed until it does; 0s: never"},
    {.name = "read_bytes",
     .type = OptionType::size,
     .standard = "128KiB",
     .help = "the one read buffer, shared by all files",
     .minimum = 4096,
     .maximum = 16u << 20},
    {.name = "header",
     .type = OptionType::text,
     .standard = "file",
     .help = "name of the header that carries the file's path; empty: none"},
};

}  // namespace

std::span<const Option> options() { return table; }

bool Settings::names(std::string_view path) const {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return path_matches(pattern, path); });
}

std::size_t Settings::buffer_bytes() const {
  return align_up(std::max(read_bytes, event_bytes_max + look_ahead_bytes), 4096);
}

pipeline::Checked<Settings> check(const pipeline::OptionValues& values) {
  Settings settings;
  settings.patterns = values.texts("paths");
  if (settings.patterns.empty())
    return pipeline::wrong("paths", "names no file: give at least one, such as \"/var/log/*.log\"");
  if (settings.patterns.size() > patterns_max)
    return pipeline::wrong("paths", "has more than 64 entries: use patterns, or several sources");
  for (const std::string& pattern : settings.patterns)
    if (const auto what = pattern_problem(pattern); !what.empty())
      return pipeline::wrong("paths", concat("\"", pattern, "\" ", what));
  settings.from_beginning = values.text("start_at") == "beginning";
  settings.event_bytes_max = values.size("event_bytes_max");
  settings.files_max = static_cast<std::size_t>(values.number("files_max"));
  settings.flush_partial_after = values.duration("flush_partial_after");
  settings.checkpoint_interval = values.duration("checkpoint_interval");
  settings.poll_interval = values.duration("poll_interval");
  settings.close_idle_after = values.duration("close_idle_after");
  settings.read_bytes = values.size("read_bytes");
  settings.header = values.text("header");
  if (settings.header.size() > 255)
    return pipeline::wrong("header", "is longer than the 255 bytes a header's name may have");
  return settings;
}

}  // namespace runnel::sources::tail
