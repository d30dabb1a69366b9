#include <algorithm>

#include "pipeline/component.hpp"

namespace runnel::pipeline {
namespace {

constexpr std::uint64_t ns_per_hour = 3'600'000'000'000;

constexpr std::uint64_t batch_bytes_lowest = 4096;
constexpr std::uint64_t batch_bytes_highest = 8u << 20;
// Larger frames compress better, and larger writes cost less; from here on there is little to gain.
constexpr std::size_t standard_batch_compressed = 256u << 10;
constexpr std::size_t standard_batch_plain = 512u << 10;

constexpr Option shared[] = {
    {.name = "batch.max_bytes",
     .type = OptionType::size,
     .standard = "0",
     .help = "a batch is due when it has this many bytes; 0: 256KiB if compressed, else 512KiB, at "
             "most a quarter of the channel",
     .maximum = batch_bytes_highest},
    {.name = "batch.max_events",
     .type = OptionType::number,
     .standard = "10000",
     .help = "or this many events",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "batch.linger",
     .type = OptionType::duration,
     .standard = "1s",
     .help = "or its first event has waited this long",
     .maximum = ns_per_hour},
    {.name = "retry.first",
     .type = OptionType::duration,
     .standard = "100ms",
     .help = "the first wait after a failed delivery; each further one doubles, with jitter",
     .minimum = 1'000'000,
     .maximum = ns_per_hour},
    {.name = "retry.longest",
     .type = OptionType::duration,
     .standard = "30s",
     .help = "the longest wait between attempts; they never end",
     .minimum = 1'000'000,
     .maximum = 24 * ns_per_hour},
    {.name = "dead_letter.dir",
     .type = OptionType::text,
     .standard = "",
     .help = "folder of dead letters: what the destination refuses for good is kept there; empty: "
             "it is only counted"},
    {.name = "dead_letter.max_bytes",
     .type = OptionType::size,
     .standard = "16MiB",
     .help = "what the dead letters of this sink may take; then the oldest half goes",
     .minimum = 64u << 10,
     .maximum = 1u << 30},
};

constexpr Option of_encoders[] = {
    {.name = "encoding",
     .type = OptionType::text,
     .standard = "text",
     .help = "text: the body and a newline; json: an object a line with time, source, headers",
     .choices = "text|json"},
    {.name = "gaps",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "text: write a line where events were dropped (json always does)"},
    {.name = "compression.codec",
     .type = OptionType::text,
     .standard = "none",
     .help = "each batch is one independent zstd frame or gzip member",
     .choices = "none|gzip|zstd"},
    {.name = "compression.level",
     .type = OptionType::number,
     .standard = "0",
     .help = "zstd 1 to 19, gzip 1 to 9; 0: the codec's usual level (zstd 1, gzip 6)",
     .maximum = 19},
};

int usual_level(codec::Codec codec) {
  return codec == codec::Codec::zstd ? 1 : codec::levels_of(codec).standard;
}

DeliverySettings choose_batch_bytes(DeliverySettings settings) {
  settings.standard_batch = settings.take.bytes_max == 0;
  if (settings.standard_batch)
    settings.take.bytes_max =
        settings.codec == codec::Codec::none ? standard_batch_plain : standard_batch_compressed;
  return settings;
}

std::string check_folder(std::string& folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  if (folder.size() > DeadLetterSettings::folder_bytes_max)
    return concat("is longer than ", DeadLetterSettings::folder_bytes_max, " bytes");
  if (folder.find('\0') != folder.npos) return "has a zero byte in it";
  return {};
}

}  // namespace

std::span<const Option> delivery_options() { return shared; }
std::span<const Option> encoding_options() { return of_encoders; }
std::span<const Option> encoding_options(const SinkType& type) {
  constexpr std::size_t of_compression = 2;
  if (type.encodes) return of_encoders;
  return encoding_options().last(type.compresses ? of_compression : 0);
}

Checked<DeliverySettings> delivery_settings(const OptionValues& values) {
  DeliverySettings settings;
  settings.take.bytes_max = static_cast<std::size_t>(values.size("batch.max_bytes"));
  if (settings.take.bytes_max != 0 && settings.take.bytes_max < batch_bytes_lowest)
    return wrong("batch.max_bytes",
                 concat("is below its minimum of ", HumanSize{batch_bytes_lowest}));
  settings.take.events_max = static_cast<std::uint32_t>(values.number("batch.max_events"));
  settings.take.linger = values.duration("batch.linger");
  settings.retry.first = values.duration("retry.first");
  settings.retry.longest = values.duration("retry.longest");
  if (settings.retry.longest < settings.retry.first)
    return wrong("retry.longest", "is shorter than retry.first");
  settings.dead_letter.folder = values.text("dead_letter.dir");
  settings.dead_letter.bytes_max = values.size("dead_letter.max_bytes");
  if (auto wrong_folder = check_folder(settings.dead_letter.folder); !wrong_folder.empty())
    return wrong("dead_letter.dir", std::move(wrong_folder));
  if (values.has("gaps")) {  // `encoding` may be one of the sink's own
    settings.encoding = values.text("encoding") == "json" ? Encoding::json : Encoding::text;
    settings.text_gaps = values.boolean("gaps");
  }
  if (!values.has("compression.codec")) return choose_batch_bytes(settings);
  settings.codec = *codec::codec_from(values.text("compression.codec"));
  const auto level = static_cast<int>(values.number("compression.level"));
  settings.level = level == 0 ? usual_level(settings.codec) : level;
  const auto levels = codec::levels_of(settings.codec);
  if (settings.codec == codec::Codec::none && level != 0)
    return wrong("compression.level", "is set, but compression.codec is \"none\"");
  if (settings.codec != codec::Codec::none &&
      (settings.level < levels.lowest || settings.level > levels.highest))
    return wrong("compression.level",
                 concat("is ", settings.level, ", but ", codec::name_of(settings.codec),
                        " has levels ", levels.lowest, " to ", levels.highest));
  return choose_batch_bytes(settings);
}

void fit_batch(DeliverySettings& settings, std::size_t channel_bytes) {
  if (!settings.standard_batch) return;
  const std::size_t quarter = std::max<std::size_t>(channel_bytes / 4, batch_bytes_lowest);
  settings.take.bytes_max = std::min(settings.take.bytes_max, quarter);
}

}  // namespace runnel::pipeline
