#include "agent/settings.hpp"

namespace runnel::agent {
namespace {

using pipeline::Option;
using pipeline::OptionType;

constexpr std::uint64_t ns_per_hour = 3'600'000'000'000;

constexpr Option options[] = {
    {.name = "name",
     .type = OptionType::text,
     .standard = "runnel",
     .help = "what this agent is called in logs and metrics"},
    {.name = "state_dir",
     .type = OptionType::text,
     .standard = "",
     .help = "folder of checkpoints, locked by one agent at a time; made when it is missing"},
    {.name = "memory_limit",
     .type = OptionType::size,
     .standard = "64MiB",
     .help = "a plan that needs more memory than this is refused at start",
     .minimum = 1u << 20},
    {.name = "drain_timeout",
     .type = OptionType::duration,
     .standard = "10s",
     .help = "how long a stop waits for the channels to empty",
     .maximum = ns_per_hour},
    {.name = "log_format",
     .type = OptionType::text,
     .standard = "text",
     .help = "how log lines look",
     .choices = "text|json"},
    {.name = "log_level",
     .type = OptionType::text,
     .standard = "info",
     .help = "the lowest level that is logged",
     .choices = "debug|info|warn|error"},
    {.name = "listen",
     .type = OptionType::text,
     .standard = "",
     .help =
         "where status and metrics are served over HTTP, as \"127.0.0.1:9190\"; empty: nowhere"},
};

}  // namespace

std::span<const Option> agent_options() { return options; }

}  // namespace runnel::agent
