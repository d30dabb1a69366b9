#include "sinks/clickhouse/clickhouse.hpp"

#include <algorithm>

#include "codec/http/grammar.hpp"
#include "sinks/clickhouse/clickhouse_format.hpp"
#include "sinks/http/http_options.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr pipeline::Option options[] = {
    server_option,
    {.name = "table",
     .type = OptionType::text,
     .standard = "",
     .help = "where rows go: \"logs\" or \"edge.logs\"",
     .required = true},
    {.name = "rows",
     .type = OptionType::text,
     .standard = "events",
     .help = "events: columns time, source, severity, headers, body; bodies: a body that is a JSON "
             "object is the row",
     .choices = "events|bodies"},
    {.name = "skip_unknown",
     .type = OptionType::boolean,
     .standard = "true",
     .help = "what the table has no column for is left out; false: the row is refused"},
    {.name = "deduplicate",
     .type = OptionType::boolean,
     .standard = "true",
     .help =
         "send insert_deduplication_token, so that a repetition is no second insert (since 22.2)"},
    {.name = "user",
     .type = OptionType::text,
     .standard = "",
     .help = "X-ClickHouse-User, with password"},
    password_option,
    headers_option,
};

// A row that cannot be read makes ClickHouse refuse the whole insert. What the status is then
// depends on its version; the number in the text does not: "Code: 27, e.displayText() = ...". Any
// other failure, a setting or a column that is not known, is for a person to put right: no row is
// lost.
Verdict verdict_of_insert(const HttpReply& reply) {
  constexpr std::string_view word = "Code: ";
  constexpr std::uint64_t of_rows[] = {
      6,    // CANNOT_PARSE_TEXT
      25,   // CANNOT_PARSE_ESCAPE_SEQUENCE
      26,   // CANNOT_PARSE_QUOTED_STRING
      27,   // CANNOT_PARSE_INPUT_ASSERTION_FAILED
      38,   // CANNOT_PARSE_DATE
      41,   // CANNOT_PARSE_DATETIME
      53,   // TYPE_MISMATCH
      69,   // ARGUMENT_OUT_OF_BOUND
      72,   // CANNOT_PARSE_NUMBER
      117,  // INCORRECT_DATA: also a column that is not known, without skip_unknown
      130,  // CANNOT_READ_ARRAY_FROM_TEXT
      349,  // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
      376,  // CANNOT_PARSE_UUID
      469,  // VIOLATED_CONSTRAINT
  };
  const Verdict verdict = verdict_of(reply.status);
  if (verdict == Verdict::delivered || verdict == Verdict::too_large) return verdict;
  const std::size_t at = reply.text.find(word);
  if (at == reply.text.npos) return Verdict::again;
  std::string_view digits = reply.text.substr(at + word.size());
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  const auto code = parse_number(digits);
  const bool row =
      code && std::find(std::begin(of_rows), std::end(of_rows), *code) != std::end(of_rows);
  return row ? Verdict::poisoned : Verdict::again;
}

class ClickHouseSink final : public HttpSink {
 public:
  ClickHouseSink(pipeline::SinkContext& context, const ClickHouseSettings& settings,
                 const HttpMemory& memory)
      : HttpSink(context, settings, memory), deduplicates_(settings.deduplicates) {}

 private:
  void end_target(const pipeline::Frame& frame, TextWriter& out) override {
    if (!deduplicates_) return;
    Text<pipeline::BatchId::text_bytes_max> id;
    frame.id.write(id);
    out << "&insert_deduplication_token=";
    write_percent_encoded(out, id.text());
  }
  Judgement judge(const HttpReply& reply, const pipeline::Frame&) override {
    return {verdict_of_insert(reply)};
  }

  bool deduplicates_;
};

// A name, or two with a point between; in backquotes it may be anything.
Checked<std::string> quoted_table(const std::string& table) {
  std::string quoted = "`";
  for (const char c : table) {
    if (c < ' ' || c == '`' || c == '\\') return wrong("table", "has characters that no name has");
    if (c == '.') {
      quoted += "`.`";
    } else {
      quoted += c;
    }
  }
  if (table.empty() || table.starts_with('.') || table.ends_with('.'))
    return wrong("table", "is not a name such as \"logs\" or \"edge.logs\"");
  return quoted + '`';
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto table = quoted_table(values.text("table"));
  if (!table) return tl::unexpected(table.error());
  std::string target =
      "/?query=" + percent_encoded("INSERT INTO " + *table + " FORMAT JSONEachRow");
  target += "&date_time_input_format=best_effort";
  if (values.boolean("skip_unknown")) target += "&input_format_skip_unknown_fields=1";
  ClickHouseSettings settings;
  settings.bodies = values.text("rows") == "bodies";
  settings.deduplicates = values.boolean("deduplicate");
  const std::string &user = values.text("user"), &password = values.text("password");
  if (!user.empty() && codec::http::is_value(user) && codec::http::is_value(password))
    settings.fields = "X-ClickHouse-User: " + user + "\r\nX-ClickHouse-Key: " + password + "\r\n";
  return http_plan<ClickHouseSink, ClickHouseSettings, ClickHouseFormat>(
      values, Credentials::apart, target, "application/x-ndjson", std::move(settings));
}

}  // namespace

const pipeline::SinkType clickhouse_type = {
    .name = "clickhouse",
    .summary = "inserts each batch into a table of ClickHouse",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
};

}  // namespace runnel::sinks
