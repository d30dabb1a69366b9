#include "channels/journal/journal.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "channels/journal/journal_store.hpp"
#include "channels/journal/write_budget.hpp"

namespace runnel::channels {
namespace journal {
namespace {

using pipeline::ChannelSettings;
using pipeline::OptionType;
using pipeline::WhenFull;

class Plan final : public pipeline::StorePlan {
 public:
  explicit Plan(Settings settings) : settings_(std::move(settings)) {}
  pipeline::Store* build(Region& region, pipeline::ChannelContext* context,
                         std::uint32_t subscriptions) const override {
    Settings settings = settings_;
    settings.subscriptions = subscriptions;
    return pipeline::build_component<JournalStore, pipeline::Store>(region, context, settings);
  }
  std::size_t block_bytes() const override { return settings_.block_bytes; }
  std::size_t record_bytes_max() const override { return settings_.raw_bytes_max(); }
  std::string path() const override { return settings_.path; }
  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
};

constexpr pipeline::Option options[] = {
    {.name = "path",
     .type = OptionType::text,
     .help = "the file, absolute; made when it is missing",
     .required = true},
    {.name = "size",
     .type = OptionType::size,
     .standard = "64MiB",
     .help = "size of the file, fixed when it is made",
     .minimum = file_bytes_min,
     .maximum = std::uint64_t{1} << 40},
    {.name = "mode",
     .type = OptionType::text,
     .standard = "always",
     .help = "always: all events are written; overflow: only what memory has no room for, and what "
             "is left at a stop",
     .choices = "always|overflow"},
    {.name = "sync",
     .type = OptionType::text,
     .standard = "batch",
     .help = "batch: every block, several at once under load; a duration: that often; never: when "
             "the system likes"},
    {.name = "when_full",
     .type = OptionType::text,
     .standard = "block",
     .help = "block: sources wait; drop_newest, drop_oldest: drop, count and report the gap",
     .choices = "block|drop_newest|drop_oldest"},
    {.name = "memory",
     .type = OptionType::size,
     .standard = "4MiB",
     .help = "size of the ring in memory",
     .minimum = 256 * 1024,
     .maximum = pipeline::channel_capacity_max},
    {.name = "block_bytes",
     .type = OptionType::size,
     .standard = "128KiB",
     .help = "records of a block, before compression; no event may be larger",
     .minimum = 4096,
     .maximum = 16u << 20},
    {.name = "level",
     .type = OptionType::number,
     .standard = "1",
     .help = "of zstd",
     .minimum = 1,
     .maximum = 19},
    {.name = "block_age",
     .type = OptionType::duration,
     .standard = "1s",
     .help = "what has waited so long is written though its block is not full",
     .minimum = 1'000'000,
     .maximum = 3'600'000'000'000},
    {.name = "cursor_interval",
     .type = OptionType::duration,
     .standard = "10s",
     .help = "how often the sinks' places are written, when they have moved; after a crash so much "
             "may be delivered again",
     .minimum = 10'000'000,
     .maximum = 3'600'000'000'000},
    {.name = "max_bytes_written_per_day",
     .type = OptionType::size,
     .standard = "0",
     .help = "spares the flash: syncs are put off before more is written in any 24 hours; 0: no "
             "limit",
     .maximum = std::uint64_t{1} << 40},
    {.name = "start_at",
     .type = OptionType::text,
     .standard = "beginning",
     .help = "where a sink begins that is new to the journal",
     .choices = "beginning|end"},
};

WhenFull when_full_from(const std::string& name) {
  if (name == "drop_newest") return WhenFull::drop_newest;
  if (name == "drop_oldest") return WhenFull::drop_oldest;
  return WhenFull::block;
}

using pipeline::wrong;

pipeline::Checked<ChannelSettings> plan(const pipeline::OptionValues& values) {
  Settings settings;
  settings.path = values.text("path");
  if (!settings.path.starts_with('/') || settings.path.ends_with('/'))
    return wrong("path", "is not an absolute path of a file");
  settings.file_bytes = values.number("size");
  settings.mode = values.text("mode") == "overflow" ? Mode::overflow : Mode::always;
  const std::string sync = values.text("sync");
  if (sync == "never") {
    settings.sync = Sync::never;
  } else if (sync != "batch") {
    const auto interval = parse_duration(sync);
    if (!interval || *interval < 10ms || *interval > 24h)
      return wrong("sync", "is none of batch, never and a duration of 10ms to 24h");
    settings.sync = Sync::interval;
    settings.sync_interval = *interval;
  }
  settings.when_full = when_full_from(values.text("when_full"));
  settings.memory_bytes = values.size("memory");
  settings.level = static_cast<int>(values.number("level"));
  settings.block_bytes = align_up(values.size("block_bytes"), pipeline::record_alignment);
  settings.block_age = values.duration("block_age");
  settings.cursor_interval = values.duration("cursor_interval");
  settings.start_at_end = values.text("start_at") == "end";
  settings.written_bytes_max_per_day = values.number("max_bytes_written_per_day");
  if (settings.memory_bytes < 4 * settings.block_bytes)
    return wrong("memory", "is less than four times block_bytes");
  if (!lay_out(settings.file_bytes, settings.raw_bytes_max()))
    return wrong("size", "has no room for four blocks of block_bytes");
  // A block never needs more than a half of what stretching leaves.
  const std::uint64_t budget_min =
      4 * WriteBudget::burst_part * written_at_once_max(settings.raw_bytes_max());
  if (settings.written_bytes_max_per_day != 0 && settings.written_bytes_max_per_day < budget_min)
    return wrong("max_bytes_written_per_day",
                 concat("is less than ", WrittenSize{budget_min},
                        ", which blocks of this block_bytes need (0: no limit)"));

  ChannelSettings channel;
  channel.capacity_bytes = settings.memory_bytes;
  channel.when_full = settings.when_full;
  channel.store = std::make_shared<Plan>(std::move(settings));
  return channel;
}

}  // namespace
}  // namespace journal

const journal::Settings* journal_settings(const pipeline::StorePlan& plan) {
  const auto* of_a_journal = dynamic_cast<const journal::Plan*>(&plan);
  return of_a_journal == nullptr ? nullptr : &of_a_journal->settings();
}

const pipeline::ChannelType journal_type = {
    .name = "journal",
    .summary = "a ring in memory with a ring on disk below it: nothing is lost",
    .options = journal::options,
    .plan = journal::plan,
};

}  // namespace runnel::channels
