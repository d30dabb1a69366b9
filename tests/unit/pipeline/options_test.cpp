// Goal: option values mean what their tables say; what the tables call standard is itself valid;
// complaints tell what is wrong. Method: each type with right, wrong and edge texts.
#include "pipeline/options.hpp"

#include <doctest/doctest.h>

#include "pipeline/component.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {
std::string complaint(const Option& option, std::string_view text) {
  const auto value = parse_option(option, text);
  return value ? "" : value.error();
}
}  // namespace

TEST_CASE("options: types, choices and ranges") {
  const Option when{.name = "when_full",
                    .type = OptionType::text,
                    .standard = "block",
                    .help = "",
                    .choices = "block|drop_newest"};
  CHECK(complaint(when, "block") == "");
  CHECK(complaint(when, "drop_newest") == "");
  CHECK(complaint(when, "drop") == "is \"drop\", not one of block|drop_newest");
  CHECK(complaint(when, "") == "is \"\", not one of block|drop_newest");
  const Option size{.name = "capacity",
                    .type = OptionType::size,
                    .standard = "4MiB",
                    .help = "",
                    .minimum = 65536,
                    .maximum = 1u << 30};
  CHECK(complaint(size, "64KiB") == "");
  CHECK(complaint(size, "65535") == "is below its minimum of 64KiB");
  CHECK(complaint(size, "2GiB") == "is above its maximum of 1GiB");
  CHECK(complaint(size, "4Mib") == "is \"4Mib\", not a size such as \"4MiB\" or \"512KiB\"");
  const Option duration{.name = "linger",
                        .type = OptionType::duration,
                        .standard = "1s",
                        .help = "",
                        .maximum = 3'600'000'000'000};
  CHECK(complaint(duration, "1h") == "");
  CHECK(complaint(duration, "2h") == "is above its maximum of 1h");
  CHECK(complaint(duration, "1") == "is \"1\", not a duration such as \"500ms\" or \"1h\"");
  const Option flag{.name = "x", .type = OptionType::boolean, .standard = "true", .help = ""};
  CHECK(complaint(flag, "yes") == "is \"yes\", not true or false");
}

TEST_CASE("options: standard values fill what is not set") {
  OptionValues values;
  values.set("batch.max_events", OptionValues::Value(std::uint64_t{7}));
  fill_standard(delivery_options(), values);
  fill_standard(encoding_options(), values);
  CHECK(values.number("batch.max_events") == 7);
  CHECK(values.size("batch.max_bytes") == 0);
  CHECK(values.duration("batch.linger") == 1s);
  CHECK(values.text("compression.codec") == "none");
}

TEST_CASE("options: a batch size that nobody asked for suits the encoding and the channel") {
  OptionValues values;
  fill_standard(delivery_options(), values);
  fill_standard(encoding_options(), values);
  DeliverySettings plain = delivery_settings(values).value();
  CHECK(plain.take.bytes_max == 512 * 1024);
  fit_batch(plain, 4 << 20);
  CHECK(plain.take.bytes_max == 512 * 1024);
  fit_batch(plain, 64 * 1024);
  CHECK(plain.take.bytes_max == 16 * 1024);
  values.set("compression.codec", OptionValues::Value(std::string("zstd")));
  CHECK(delivery_settings(values)->take.bytes_max == 256 * 1024);

  values.set("batch.max_bytes", OptionValues::Value(std::uint64_t{32 * 1024}));
  DeliverySettings asked = delivery_settings(values).value();
  fit_batch(asked, 64 * 1024);
  CHECK(asked.take.bytes_max == 32 * 1024);
  values.set("batch.max_bytes", OptionValues::Value(std::uint64_t{4095}));
  CHECK(delivery_settings(values).error().option == "batch.max_bytes");
}

TEST_CASE("options: settings of delivery, and their contradictions") {
  OptionValues values;
  fill_standard(delivery_options(), values);
  fill_standard(encoding_options(), values);
  CHECK(delivery_settings(values)->codec == codec::Codec::none);
  values.set("compression.codec", OptionValues::Value(std::string("zstd")));
  CHECK(delivery_settings(values)->level == 1);
  values.set("compression.level", OptionValues::Value(std::uint64_t{19}));
  CHECK(delivery_settings(values)->level == 19);
  values.set("compression.codec", OptionValues::Value(std::string("gzip")));
  CHECK(delivery_settings(values).error().text == "is 19, but gzip has levels 1 to 9");
  values.set("compression.codec", OptionValues::Value(std::string("none")));
  CHECK(delivery_settings(values).error().option == "compression.level");
  values.set("retry.longest", OptionValues::Value(Duration(50ms)));
  CHECK(delivery_settings(values).error().text == "is shorter than retry.first");
}
