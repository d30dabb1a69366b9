#include "sinks/loki/loki.hpp"

#include <algorithm>

#include "codec/http/grammar.hpp"
#include "sinks/loki/loki_format.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr pipeline::Option options[] = {
    server_option,
    {.name = "labels",
     .type = OptionType::texts,
     .standard = "job=runnel",
     .help = "labels of every stream: [\"job=edge\", \"site=north\"]"},
    {.name = "label_headers",
     .type = OptionType::texts,
     .standard = "",
     .help = "headers that become labels, few: [\"host\"]; each of their values makes a stream"},
    {.name = "metadata",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "send severity and the other headers as structured metadata (Loki 3)"},
    {.name = "tenant",
     .type = OptionType::text,
     .standard = "",
     .help = "for X-Scope-OrgID; empty: none"},
    user_option,
    password_option,
    token_option,
    headers_option,
};

class LokiSink final : public HttpSink {
 public:
  LokiSink(pipeline::SinkContext& context, const LokiSettings& settings, const HttpMemory& memory)
      : HttpSink(context, settings, memory), loki_(settings) {}
  std::uint64_t partition(const pipeline::Record& record) override {
    return stream_key(loki_, record);
  }

 private:
  // A line that is too old, too long or out of order makes Loki say 400; what else was in the
  // request it may have taken or not. It keeps a line that it has already once.
  Judgement judge(const HttpReply& reply, const pipeline::Frame&) override {
    const Verdict verdict = verdict_of(reply.status);
    return {verdict == Verdict::refused ? Verdict::poisoned : verdict};
  }

  const LokiSettings& loki_;
};

constexpr std::size_t labels_max = 15;  // what Loki takes by itself

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  LokiSettings settings;
  auto labels = pairs_from(values, "labels");
  if (!labels) return tl::unexpected(labels.error());
  settings.labels = std::move(*labels);
  settings.label_headers = values.texts("label_headers");
  settings.metadata = values.boolean("metadata");
  for (const auto& [name, value] : settings.labels) {
    if (label_name(name) != name || name == "source")
      return wrong("labels",
                   concat("has \"", name, "\", which cannot be the name of a label here"));
    if (value.empty() || value.size() > LokiFormat::value_bytes_max)
      return wrong("labels", concat("has a value of \"", name, "\" that is empty or too long"));
  }
  for (const std::string& name : settings.label_headers)
    if (label_name(name) != name || name == "source")
      return wrong("label_headers", concat("has \"", name, "\", which cannot be a label's name"));
  if (settings.labels.size() + settings.label_headers.size() + 1 > labels_max)
    return wrong("label_headers", "makes more than 15 labels, with labels and the source");
  const std::string& tenant = values.text("tenant");
  constexpr std::size_t tenant_bytes_max = 150;
  if (!codec::http::is_value(tenant) || tenant.size() > tenant_bytes_max)
    return wrong("tenant", "has control characters in it, or more than 150 bytes");
  if (!tenant.empty()) settings.fields = "X-Scope-OrgID: " + tenant + "\r\n";
  auto made = http_plan<LokiSink, LokiSettings, LokiFormat>(
      values, Credentials::bearer, "/loki/api/v1/push", "application/json", std::move(settings));
  if (made) (*made)->delivery.partitions = true;
  return made;
}

}  // namespace

const pipeline::SinkType loki_type = {
    .name = "loki",
    .summary = "pushes each batch to Loki, a request a stream",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
};

}  // namespace runnel::sinks
