#include "sinks/influx/influx.hpp"

#include <algorithm>

#include "sinks/influx/influx_format.hpp"
#include "sinks/influx/line_protocol.hpp"
#include "sinks/influx/partial_write.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr pipeline::Option options[] = {
    server_option,
    {.name = "database",
     .type = OptionType::text,
     .standard = "",
     .help = "of InfluxDB 1.x: \"logs\""},
    {.name = "retention_policy",
     .type = OptionType::text,
     .standard = "",
     .help = "of that database; empty: its own standard"},
    {.name = "organization",
     .type = OptionType::text,
     .standard = "",
     .help = "of InfluxDB 2.x, with bucket"},
    {.name = "bucket", .type = OptionType::text, .standard = "", .help = "of InfluxDB 2.x"},
    {.name = "measurement",
     .type = OptionType::text,
     .standard = "logs",
     .help = "the name of the points"},
    {.name = "tags",
     .type = OptionType::texts,
     .standard = "",
     .help = "tags of all points: [\"site=edge\"]"},
    {.name = "tag_headers",
     .type = OptionType::texts,
     .standard = "",
     .help = "headers that become tags: [\"host\"]; each of their values makes a series"},
    user_option,
    password_option,
    {.name = "token",
     .type = OptionType::text,
     .standard = "",
     .help = "of InfluxDB 2.x; best \"${TOKEN}\"; never printed"},
    headers_option,
};

// With 400 some points may have been written all the same: "partial write: ... dropped=3". Points
// that the server does not understand keep the others out only if it does not say so.
class InfluxSink final : public HttpSink {
 public:
  using HttpSink::HttpSink;

 private:
  AnswerReader* answer_reader() override { return &partial_; }
  Judgement judge(const HttpReply& reply, const pipeline::Frame& frame) override {
    const Verdict verdict = verdict_of(reply.status);
    if (verdict != Verdict::refused) return {verdict};
    if (!partial_.is_partial()) return {Verdict::poisoned};
    // What could not be parsed is not in the number: at least one.
    const std::uint64_t dropped = std::max<std::uint64_t>(partial_.dropped().value_or(1), 1);
    return {Verdict::delivered,
            static_cast<std::uint32_t>(std::min<std::uint64_t>(dropped, frame.events))};
  }

  PartialWrite partial_;
};

constexpr std::size_t tags_bytes_max = 1024;

Checked<std::string> target_from(const OptionValues& values) {
  const std::string &database = values.text("database"), &bucket = values.text("bucket");
  const std::string &policy = values.text("retention_policy"),
                    &organization = values.text("organization");
  if (database.empty() == bucket.empty())
    return wrong("database", "or bucket must be set, and only one of them");
  if (!database.empty() && !organization.empty())
    return wrong("organization", "is set, but bucket is not");
  if (!bucket.empty() && !policy.empty())
    return wrong("retention_policy", "is set, but database is not");
  if (!bucket.empty())
    return "/api/v2/write?org=" + percent_encoded(organization) +
           "&bucket=" + percent_encoded(bucket) + "&precision=ns";
  std::string target = "/write?db=" + percent_encoded(database) + "&precision=ns";
  if (!policy.empty()) target += "&rp=" + percent_encoded(policy);
  return target;
}

std::string escaped(LinePosition position, std::string_view text) {
  std::string room(escaped_bytes_max(text.size()), '\0');
  TextWriter out{std::span<char>(room)};
  write_escaped(out, position, as_bytes(text));
  return std::string(out.text());
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto target = target_from(values);
  if (!target) return tl::unexpected(target.error());
  auto tags = pairs_from(values, "tags");
  if (!tags) return tl::unexpected(tags.error());
  InfluxSettings settings;
  settings.tag_headers = values.texts("tag_headers");
  settings.measurement = escaped(LinePosition::measurement, values.text("measurement"));
  // A line that begins with "#" is a comment.
  if (settings.measurement.empty() || settings.measurement.starts_with('#'))
    return wrong("measurement", "is empty or begins with \"#\"");
  for (const auto& [name, value] : *tags) {
    if (value.empty()) return wrong("tags", "has an entry without a value");
    settings.tags +=
        ',' + escaped(LinePosition::tag, name) + '=' + escaped(LinePosition::tag, value);
  }
  if (settings.measurement.size() + settings.tags.size() > tags_bytes_max)
    return wrong("tags", "are longer than 1 KiB, with the measurement");
  return http_plan<InfluxSink, InfluxSettings, InfluxFormat>(
      values, Credentials::token, *target, "text/plain; charset=utf-8", std::move(settings));
}

}  // namespace

const pipeline::SinkType influx_type = {
    .name = "influx",
    .summary = "writes each batch to InfluxDB in line protocol",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
    .one_connection = "a batch that another connection repeats would have other times",
};

}  // namespace runnel::sinks
