#include "channels/memory/memory.hpp"

namespace runnel::channels {
namespace {

using pipeline::ChannelSettings;
using pipeline::WhenFull;

constexpr pipeline::Option options[] = {
    {.name = "capacity",
     .type = pipeline::OptionType::size,
     .standard = "4MiB",
     .help = "size of the ring, all of it planned at start; rounded up to 4 KiB",
     .minimum = pipeline::channel_capacity_min,
     .maximum = pipeline::channel_capacity_max},
    {.name = "when_full",
     .type = pipeline::OptionType::text,
     .standard = "block",
     .help = "block: sources wait; drop_newest, drop_oldest: drop, count and report the gap",
     .choices = "block|drop_newest|drop_oldest"},
};

WhenFull when_full_from(const std::string& name) {
  if (name == "drop_newest") return WhenFull::drop_newest;
  if (name == "drop_oldest") return WhenFull::drop_oldest;
  return WhenFull::block;
}

pipeline::Checked<ChannelSettings> plan(const pipeline::OptionValues& values) {
  ChannelSettings settings;
  settings.capacity_bytes = values.size("capacity");
  settings.when_full = when_full_from(values.text("when_full"));
  return settings;
}

}  // namespace

const pipeline::ChannelType memory_type = {
    .name = "memory",
    .summary = "a ring of fixed size in memory",
    .options = options,
    .plan = plan,
};

}  // namespace runnel::channels
