#include "fake_components.hpp"

#include <algorithm>

namespace runnel::agent::testing {
namespace {

using namespace pipeline;

constexpr Option tail_options[] = {
    {.name = "paths",
     .type = OptionType::texts,
     .standard = "",
     .help = "files and globs",
     .required = true},
    {.name = "start_at",
     .type = OptionType::text,
     .standard = "end",
     .help = "where to begin",
     .choices = "beginning|end"},
    {.name = "event_bytes_max",
     .type = OptionType::size,
     .standard = "64KiB",
     .help = "longer lines are cut",
     .minimum = 256,
     .maximum = 8u << 20},
    {.name = "poll_interval",
     .type = OptionType::duration,
     .standard = "1s",
     .help = "how often",
     .minimum = 10'000'000,
     .maximum = 3'600'000'000'000},
    {.name = "files_max",
     .type = OptionType::number,
     .standard = "1000",
     .help = "how many",
     .minimum = 1,
     .maximum = 10'000},
    {.name = "follow", .type = OptionType::boolean, .standard = "true", .help = "go on at the end"},
};

constexpr Option syslog_options[] = {
    {.name = "listen",
     .type = OptionType::texts,
     .standard = "udp://0.0.0.0:514, tcp://0.0.0.0:514",
     .help = "where"},
};

constexpr Option memory_options[] = {
    {.name = "capacity",
     .type = OptionType::size,
     .standard = "4MiB",
     .help = "of the ring",
     .minimum = channel_capacity_min,
     .maximum = channel_capacity_max},
    {.name = "when_full",
     .type = OptionType::text,
     .standard = "block",
     .help = "what then",
     .choices = "block|drop_newest|drop_oldest"},
};

constexpr Option file_options[] = {
    {.name = "path", .type = OptionType::text, .standard = "", .help = "where", .required = true},
    {.name = "roll.max_bytes",
     .type = OptionType::size,
     .standard = "64MiB",
     .help = "by size",
     .minimum = 1},
    {.name = "roll.max_age", .type = OptionType::duration, .standard = "1h", .help = "by age"},
};

// "/var/log/*.log" matches by what stands before and behind the star.
bool matches(std::string_view glob, std::string_view path) {
  const std::size_t star = glob.find('*');
  if (star == glob.npos) return glob == path;
  return path.size() >= glob.size() - 1 && path.starts_with(glob.substr(0, star)) &&
         path.ends_with(glob.substr(star + 1));
}

class FakeSource final : public SourcePlan {
 public:
  std::size_t bytes_max = 8192;
  std::vector<std::string> paths;

 private:
  Source* build(Region&, SourceContext*) override { return nullptr; }
  std::size_t record_bytes_max() const override { return bytes_max; }
  bool reads(std::string_view path) const override {
    return std::any_of(paths.begin(), paths.end(),
                       [&](const std::string& glob) { return matches(glob, path); });
  }
};

class FakeSink final : public SinkPlan {
 public:
  std::vector<std::string> paths;

 private:
  Sink* build(Region&, SinkContext*) override { return nullptr; }
  std::vector<std::string> writes() const override { return paths; }
};

Checked<std::unique_ptr<SourcePlan>> plan_tail(const OptionValues& values) {
  auto plan = std::make_unique<FakeSource>();
  plan->bytes_max = values.size("event_bytes_max") + 128;
  plan->paths = values.texts("paths");
  for (const std::string& path : plan->paths)
    if (!path.starts_with('/'))
      return wrong("paths", "has \"" + path + "\", which is not absolute");
  return plan;
}

Checked<std::unique_ptr<SourcePlan>> plan_syslog(const OptionValues&) {
  return std::make_unique<FakeSource>();
}

Checked<ChannelSettings> plan_memory(const OptionValues& values) {
  ChannelSettings settings;
  settings.capacity_bytes = values.size("capacity");
  const std::string& when_full = values.text("when_full");
  settings.when_full = when_full == "block"         ? WhenFull::block
                       : when_full == "drop_newest" ? WhenFull::drop_newest
                                                    : WhenFull::drop_oldest;
  return settings;
}

Checked<std::unique_ptr<SinkPlan>> plan_file(const OptionValues& values) {
  auto plan = std::make_unique<FakeSink>();
  plan->paths = {values.text("path")};
  plan->delivery.partitions = values.text("path").find('%') != std::string::npos;
  return plan;
}

Checked<std::unique_ptr<SinkPlan>> plan_null(const OptionValues&) {
  return std::make_unique<FakeSink>();
}

constexpr SourceType tail{"tail", Activity::active, "reads files", tail_options, plan_tail};
constexpr SourceType syslog{"syslog", Activity::passive, "takes syslog", syslog_options,
                            plan_syslog};
constexpr ChannelType memory{"memory", "a ring", memory_options, plan_memory};
constexpr SinkType file{"file", "writes files", file_options, true, false, plan_file};
constexpr SinkType null{"null", "throws away", {}, false, false, plan_null};

constexpr const SourceType* sources[] = {&tail, &syslog};
constexpr const ChannelType* channels[] = {&memory};
constexpr const SinkType* sinks[] = {&file, &null};
constexpr Registry::LeftOut left_out[] = {{"pigeon", "RUNNEL_PIGEON"}};
constexpr Registry registry{sources, channels, sinks, left_out};

}  // namespace

const Registry& fake_components() { return registry; }

}  // namespace runnel::agent::testing
