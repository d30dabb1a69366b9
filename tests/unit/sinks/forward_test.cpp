// Goal: tags keep their parts whatever headers say, records are maps without a name twice, and
// options that contradict each other are refused by name. Method: tables; every room that is too
// small; bytes written by hand from the MessagePack specification.
#include "sinks/forward/forward.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/msgpack.hpp"
#include "pipeline/connection_options.hpp"
#include "sinks/forward/forward_format.hpp"
#include "sinks/forward/tag_template.hpp"
#include "sinks/forward/tags.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using namespace std::string_view_literals;
using sinks::ForwardFormat;
using sinks::ForwardTags;
using sinks::TagTemplate;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// A record in memory of its own.
struct Made {
  explicit Made(const Pairs& pairs, std::string_view body = "body",
                Severity severity = Severity::none)
      : headers(70'000), memory(80'000 / 8) {
    HeaderWriter writer{MutableBytes(headers)};
    for (const auto& [key, value] : pairs) writer.add(key, value);
    REQUIRE_FALSE(writer.cut());
    Event event;
    event.headers = writer.headers();
    event.body = as_bytes(body);
    event.severity = severity;
    auto* at = reinterpret_cast<std::byte*>(memory.data());
    write_record(at, event, record_bytes(event));
  }
  Record record() const { return Record(reinterpret_cast<const std::byte*>(memory.data())); }
  std::vector<std::byte> headers;
  std::vector<std::uint64_t> memory;
};

std::string tag_of(std::string_view pattern, const Made& made) {
  const auto parsed = TagTemplate::parse(pattern);
  REQUIRE(parsed.has_value());
  std::vector<char> buffer(parsed->bytes_max());
  TextWriter out{std::span<char>(buffer)};
  parsed->write(made.record(), "applog", out);
  CHECK_FALSE(out.cut());
  return std::string(out.text());
}
std::string problem_of(std::string_view pattern) {
  const auto parsed = TagTemplate::parse(pattern);
  return parsed ? std::string() : parsed.error();
}

std::string encoded(const ForwardFormat& format, const Made& made, bool clock_known = true) {
  const EncodedEvent event{made.record(), wall_from_ns(1'500'000'000'000'000'001), clock_known,
                           "applog"};
  std::vector<std::byte> buffer(format.event_bytes_max(made.record().size()));
  const auto size = format.event(event, buffer);
  REQUIRE(size.has_value());
  for (std::size_t room = 0; room < *size; room += 1 + *size / 200)
    CHECK_FALSE(format.event(event, MutableBytes(buffer).first(room)).has_value());
  CHECK(format.event(event, MutableBytes(buffer).first(*size)) == size);
  return std::string(as_text(Bytes(buffer).first(*size)));
}

std::string refused_option(
    std::initializer_list<std::pair<std::string_view, std::string_view>> given) {
  OptionValues values;
  values.set("address", std::string("logs.example.org"));
  for (const auto table : {sinks::forward_type.options, encoding_options(sinks::forward_type),
                           pipeline::connection_options(), delivery_options()}) {
    for (const Option& option : table)
      for (const auto& [name, text] : given)
        if (name == option.name) values.set(name, *parse_option(option, text));
    fill_standard(table, values);
  }
  const auto plan = sinks::forward_type.plan(values);
  return plan ? "none" : plan.error().option;
}

}  // namespace

TEST_CASE("forward: tags of events") {
  const Made made({{"host", "gw.site*1"}, {"empty", ""}, {"long", std::string(100, 'x')}}, "body",
                  Severity::warning);
  CHECK(tag_of("edge.%{source}", made) == "edge.applog");
  CHECK(tag_of("%{severity}.%{host}", made) == "warning.gw_site_1");
  CHECK(tag_of("a/b:c-d_e.%{missing}.%{empty}.z", made) == "a/b:c-d_e.unknown.unknown.z");
  CHECK(tag_of("%{long}%{long}%{long}%{long}", made) == std::string(256, 'x'));
  CHECK(tag_of("%{severity}", Made(Pairs())) == "unknown");
  CHECK(tag_of("plain", made) == "plain");
  CHECK(TagTemplate::parse("plain")->is_constant());
  CHECK_FALSE(TagTemplate::parse("%{source}")->is_constant());
  CHECK(tag_of("%{host}", Made(Pairs{{"host", "a\n\xff."}})) == "a___");
}

TEST_CASE("forward: events with the same tag have the same key, until a batch is delivered") {
  const auto keys_of = [](std::string_view text) {
    const auto pattern = TagTemplate::parse(text);
    REQUIRE(pattern.has_value());
    std::vector<char> memory(ForwardTags::tags_max * pattern->bytes_max());
    ForwardTags tags(*pattern, memory);
    const Made first({{"host", "a"}}, "body", Severity::warning);
    const Made second({{"host", "b"}}, "body", Severity::warning);
    const Made third({{"host", "b"}}, "body", Severity::info);
    std::string keys;
    for (const Made* made : {&first, &first, &second, &third, &first})
      keys += concat(tags.key_of(made->record(), "applog"));
    tags.delivering();
    const std::uint64_t key = tags.key_of(third.record(), "applog");
    return concat(keys, ' ', key, ' ', tags.tag(key));
  };
  CHECK(keys_of("%{source}") == "11111 1 applog");
  CHECK(keys_of("%{source}.%{severity}") == "11121 1 applog.info");
  CHECK(keys_of("%{host}") == "11221 1 b");
  CHECK(keys_of("%{source}.%{host}.%{severity}") == "11231 1 applog.b.info");
}

TEST_CASE("forward: patterns that are none") {
  CHECK(problem_of("").starts_with("is empty"));
  CHECK(problem_of(std::string(129, 'a')) == "is longer than 128 bytes");
  CHECK(problem_of(std::string(128, 'a')).empty());
  CHECK(problem_of("a b").starts_with("may have letters"));
  for (const std::string_view wrong : {"%", "a.%", "%{", "%{}", "%{host", "%Y"})
    CHECK(problem_of(wrong).starts_with("has a %"));
  CHECK(problem_of("%{a}%{b}%{c}%{d}%{e}") == "has more than 4 values");
}

TEST_CASE("forward: an entry, to the byte") {
  const ForwardFormat format({});
  CHECK(encoded(format, Made(Pairs{{"host", "gw"}}, "hello", Severity::info)) ==
        "\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x01\x84\xa4"
        "host\xa2gw\xa6source\xa6"
        "applog\xa8severity\xa4info\xa7message\xa5hello"sv);
  CHECK(encoded(format, Made(Pairs(), "")) ==
        "\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x01\x82\xa6source\xa6"
        "applog\xa7message\xa0"sv);
  CHECK(encoded(format, Made(Pairs{{"clock", "theirs"}}, "x"), false) ==
        "\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x01\x83\xa5"
        "clock\xaasince boot\xa6source\xa6"
        "applog\xa7message\xa1x"sv);
}

TEST_CASE("forward: no name twice, and names as they are configured") {
  const ForwardFormat format({});
  const Made hostile({{"message", "theirs"}, {"source", "theirs"}, {"severity", "theirs"}}, "ours",
                     Severity::debug);
  CHECK(encoded(format, hostile) ==
        "\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x01\x83\xa6source\xa6"
        "applog\xa8severity\xa5"
        "debug\xa7message\xa4ours"sv);
  // Without a severity of ours theirs is a header like any other.
  CHECK(encoded(format, Made(Pairs{{"severity", "theirs"}}, "ours")).find("theirs") !=
        std::string::npos);
  const ForwardFormat bare({.message = "log", .source = "", .severity = "", .headers = false});
  CHECK(encoded(bare, hostile) ==
        "\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x01\x81\xa3log\xa4ours"sv);
}

TEST_CASE("forward: the room that is planned is enough for headers and bodies of every size") {
  const ForwardFormat format({.message = std::string(64, 'm'),
                              .source = std::string(64, 's'),
                              .severity = std::string(64, 'v')});
  for (const std::size_t size : {1u, 31u, 32u, 33u, 255u})
    for (const std::size_t value : {0u, 1u, 31u, 32u, 255u, 256u}) {
      Pairs pairs;
      for (std::size_t index = 0; index < 60'000 / (size + value + 3); ++index)
        pairs.emplace_back(std::string(size, 'k'), std::string(value, 'x'));
      encoded(format, Made(pairs, "body", Severity::emergency), false);
    }
  encoded(format, Made(Pairs{{"k", std::string(65'000, 'x')}}, std::string(5'000, 'b')), false);
}

TEST_CASE("forward: options that contradict each other are named") {
  CHECK(refused_option({}) == "none");
  CHECK(refused_option({{"shared_key", "k"}, {"user", "u"}, {"password", "p"}}) == "none");
  CHECK(refused_option({{"compression.codec", "zstd"}, {"tag", "fixed"}}) == "none");
  CHECK(refused_option({{"address", "logs:0"}}) == "address");
  CHECK(refused_option({{"tag", "a b"}}) == "tag");
  CHECK(refused_option({{"message_key", ""}}) == "message_key");
  CHECK(refused_option({{"message_key", std::string(65, 'x')}}) == "message_key");
  CHECK(refused_option({{"source_key", "message"}}) == "source_key");
  CHECK(refused_option({{"severity_key", "source"}}) == "severity_key");
  CHECK(refused_option({{"source_key", ""}, {"severity_key", ""}}) == "none");
  CHECK(refused_option({{"user", "u"}}) == "user");
  CHECK(refused_option({{"hostname", "h"}}) == "hostname");
  CHECK(refused_option({{"shared_key", "k"}, {"password", "p"}}) == "password");
  CHECK(refused_option({{"shared_key", std::string(256, 'k')}}) == "shared_key");
}
