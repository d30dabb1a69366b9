#include "sinks/file/file.hpp"

#include "sinks/file/file_sink.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t ns_per_day = 86'400 * ns_per_second;
constexpr std::uint64_t bytes_most = std::uint64_t{1} << 40;
constexpr std::uint64_t roll_bytes_least = 4096;

constexpr pipeline::Option options[] = {
    {.name = "path",
     .type = OptionType::text,
     .standard = "",
     .help = "file name with %Y %m %d %H %M %S %j (UTC) and %{HEADER}, behind a fixed folder",
     .required = true},
    {.name = "roll.max_bytes",
     .type = OptionType::size,
     .standard = "64MiB",
     .help = "a new file before one grows over this, as it is on disk; 0: no limit",
     .maximum = bytes_most},
    {.name = "roll.max_age",
     .type = OptionType::duration,
     .standard = "1h",
     .help = "a file is closed this long after it was opened; 0: no limit",
     .maximum = 366 * ns_per_day},
    {.name = "roll.max_events",
     .type = OptionType::number,
     .standard = "0",
     .help = "a new file before one has more events; a batch is not split; 0: no limit"},
    {.name = "roll.max_idle",
     .type = OptionType::duration,
     .standard = "0s",
     .help = "a file is closed when nothing was written to it for this long; 0: no limit",
     .maximum = 366 * ns_per_day},
    {.name = "fsync",
     .type = OptionType::text,
     .standard = "1s",
     .help = "when data is made durable and acknowledged: batch, roll, never or a duration"},
    {.name = "keep_bytes",
     .type = OptionType::size,
     .standard = "0",
     .help = "after a roll the oldest finished files are deleted until so much is left; 0: all",
     .maximum = bytes_most},
    {.name = "keep_age",
     .type = OptionType::duration,
     .standard = "0s",
     .help = "after a roll finished files older than this are deleted; 0: never",
     .maximum = 3660 * ns_per_day},
    {.name = "files_open_max",
     .type = OptionType::number,
     .standard = "16",
     .help = "files open at once when the path has headers; the one unused longest is closed",
     .minimum = 1,
     .maximum = 64},
};

class FilePlan final : public pipeline::SinkPlan {
 public:
  explicit FilePlan(const FileSettings& settings) : settings_(settings) {}
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    return pipeline::build_component<FileSink, pipeline::Sink>(region, context, settings_);
  }

  // Every form a path can have: as it is, with a number, unfinished.
  std::vector<std::string> writes() const override {
    HeaderValues values;
    for (HeaderValue& value : values) value.assign(std::nullopt, settings_.path.value_bytes_max());
    constexpr std::int64_t some_time_ns = 1'790'000'000 * std::int64_t{ns_per_second};
    PathText path;
    settings_.path.write(path, wall_from_ns(some_time_ns), values);
    std::vector<std::string> all;
    for (const std::uint32_t number : {0u, 1u}) {
      PathText numbered;
      write_numbered(numbered, path.text(), number);
      all.emplace_back(numbered.text());
      all.push_back(all.back() + std::string(unfinished_ending));
    }
    return all;
  }

 private:
  FileSettings settings_;
};

Checked<codec::Codec> codec_for(const OptionValues& values, std::string_view path) {
  codec::Codec codec = codec::Codec::none;
  if (values.has("compression.codec"))
    codec = codec::codec_from(values.text("compression.codec")).value_or(codec);
  for (const codec::Codec other : {codec::Codec::gzip, codec::Codec::zstd}) {
    const std::string_view suffix = codec::file_suffix(other);
    if (other == codec || !path.ends_with(suffix)) continue;
    return wrong("path", concat("ends with ", suffix, ", but compression.codec is \"",
                                codec::name_of(codec), "\"; change one of them"));
  }
  return codec;
}

Status read_fsync(std::string_view text, FileSettings& settings) {
  settings.fsync = Fsync::interval;
  settings.fsync_interval = Duration::zero();
  if (text == "batch") return {};
  if (text == "roll" || text == "never") {
    settings.fsync = text == "roll" ? Fsync::roll : Fsync::never;
    return {};
  }
  const auto interval = parse_duration(text);
  if (!interval) return interval.error();
  settings.fsync_interval = *interval;
  return {};
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  FileSettings settings;
  const std::string& path = values.text("path");
  auto parsed = PathTemplate::parse(path);
  if (!parsed) return wrong("path", parsed.error());
  settings.path = *parsed;
  const auto codec = codec_for(values, path);
  if (!codec) return tl::unexpected(codec.error());
  settings.codec = *codec;
  settings.roll_bytes = values.number("roll.max_bytes");
  if (settings.roll_bytes > 0 && settings.roll_bytes < roll_bytes_least)
    return wrong("roll.max_bytes", "is below its minimum of 4 KiB (0: no limit)");
  settings.roll_age = values.duration("roll.max_age");
  settings.roll_events = values.number("roll.max_events");
  settings.roll_idle = values.duration("roll.max_idle");
  if (!read_fsync(values.text("fsync"), settings))
    return wrong("fsync", concat("is \"", values.text("fsync"),
                                 "\"; it is \"batch\", \"roll\", \"never\" or a duration such as "
                                 "\"1s\""));
  settings.keep_bytes = values.number("keep_bytes");
  settings.keep_age = values.duration("keep_age");
  settings.files_open_max = static_cast<std::uint32_t>(values.number("files_open_max"));
  auto made = std::make_unique<FilePlan>(settings);
  made->delivery.partitions = settings.path.header_count() > 0;
  return made;
}

}  // namespace

const pipeline::SinkType file_type = {
    .name = "file",
    .summary = "rolling files, compressed in frames, made durable before they are acknowledged",
    .options = options,
    .encodes = true,
    .plan = plan,
};

}  // namespace runnel::sinks
