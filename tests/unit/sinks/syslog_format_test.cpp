// Goal: a message is RFC 5424 to the letter, whatever an event has in it, and never longer than it
// may be. Method: messages compared byte by byte; hostile headers, every limit, every room that is
// too small; what was written is read back by the parser of the source.
#include "sinks/syslog/syslog_format.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/syslog.hpp"
#include "pipeline/connection_options.hpp"
#include "sinks/syslog/syslog_sink.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using namespace std::string_view_literals;
using sinks::FieldTemplate;
using sinks::SyslogFormat;
using sinks::SyslogFormatSettings;
using sinks::SyslogFraming;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// A record in memory of its own.
struct Made {
  explicit Made(const Pairs& pairs, std::string_view body = "body",
                Severity severity = Severity::none)
      : headers(70'000), memory(1'200'000 / 8) {
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

FieldTemplate field(std::string_view pattern) {
  const auto parsed = FieldTemplate::parse(pattern);
  REQUIRE(parsed.has_value());
  return *parsed;
}

SyslogFormatSettings standard(SyslogFraming framing = SyslogFraming::datagram) {
  SyslogFormatSettings settings;
  settings.fields = {field("%{facility}"), field("%{severity}"), field("%{host}"),
                     field("%{app}"),      field("%{procid}"),   field("%{msgid}")};
  settings.host = "gw";
  settings.framing = framing;
  return settings;
}

struct Written {
  std::string text;
  std::uint64_t cut = 0, replaced = 0;
};

// Also in every smaller room: nothing, or the same.
Written written(const SyslogFormatSettings& settings, const Made& made, bool clock_known = true) {
  constexpr std::int64_t when = 1'795'391'940'123'456'789;  // 2026-11-22T23:59:00Z
  const SyslogFormat format(settings);
  const Record record = made.record();
  EncodedEvent event{record, wall_from_ns(when), clock_known, "applog"};
  Written result;
  event.cut = &result.cut;
  event.replaced = &result.replaced;
  const std::size_t most = format.event_bytes_max(record.size());
  std::vector<std::byte> room(most);
  const auto size = format.event(event, room);
  REQUIRE(size.has_value());
  result.text = as_text(Bytes(room).first(*size));
  const std::size_t step = most > 4096 ? 97 : 1;
  EncodedEvent other{record, wall_from_ns(when), clock_known, "applog"};
  for (std::size_t less = 0; less < most; less += step) {
    std::vector<std::byte> small(less);
    const auto again = format.event(other, small);
    if (!again) continue;
    REQUIRE(as_text(Bytes(small).first(*again)) == result.text);
  }
  return result;
}

codec::SyslogMessage read(std::string_view text) {
  const auto message = codec::parse_syslog(as_bytes(text), {});
  REQUIRE_MESSAGE(message.parsed, text);
  REQUIRE(message.rfc5424);
  return message;
}

std::string problem_of(const Pairs& given) {
  OptionValues values;
  for (const auto& [name, text] : given)
    for (const Option& option : sinks::syslog_sink_type.options)
      if (option.name == name) values.set(name, *parse_option(option, text));
  fill_standard(sinks::syslog_sink_type.options, values);
  fill_standard(connection_options(), values);
  const auto plan = sinks::syslog_sink_type.plan(values);
  return plan ? "" : plan.error().option + " " + plan.error().text;
}

}  // namespace

TEST_CASE("syslog format: what says nothing of itself") {
  CHECK(written(standard(), Made({}, "hello")).text ==
        "<13>1 2026-11-22T23:59:00.123456Z gw applog - - - hello");
  CHECK(written(standard(), Made({}, "")).text ==
        "<13>1 2026-11-22T23:59:00.123456Z gw applog - - -");
  CHECK(written(standard(), Made({}, "hello"), false).text == "<13>1 - gw applog - - - hello");
  CHECK(written(standard(), Made({{"file", "/var/log/a"}}, "hello", Severity::error)).text ==
        "<11>1 2026-11-22T23:59:00.123456Z gw applog - - [runnel@32473 file=\"/var/log/a\"] hello");
}

TEST_CASE("syslog format: what came as syslog goes as it came") {
  const Pairs given = {{"facility", "local4"},
                       {"severity", "notice"},
                       {"timestamp", "2026-11-22T23:59:00.123456Z"},
                       {"host", "192.0.2.1"},
                       {"app", "evntslog"},
                       {"procid", "8710"},
                       {"msgid", "ID47"},
                       {"structured_data", "[a@32473 iut=\"3\" x=\"\\]\\\"\\\\\"][b@32473]"}};
  CHECK(written(standard(), Made(given, "hello", Severity::notice)).text ==
        "<165>1 2026-11-22T23:59:00.123456Z 192.0.2.1 evntslog 8710 ID47 "
        "[a@32473 iut=\"3\" x=\"\\]\\\"\\\\\"][b@32473] hello");
  Pairs with_peer = given;
  with_peer.emplace_back("peer", "192.0.2.7");
  CHECK(written(standard(), Made(with_peer, "", Severity::notice)).text ==
        "<165>1 2026-11-22T23:59:00.123456Z 192.0.2.1 evntslog 8710 ID47 "
        "[a@32473 iut=\"3\" x=\"\\]\\\"\\\\\"][b@32473][runnel@32473 peer=\"192.0.2.7\"]");
  SyslogFormatSettings without = standard();
  without.element = false;
  CHECK(written(without, Made(with_peer)).text.find("runnel@") == std::string::npos);
  CHECK(written(without, Made(Pairs{{"peer", "x"}})).text.find(" - body") != std::string::npos);
}

TEST_CASE("syslog format: an element stands once") {
  const Made made({{"structured_data", "[runnel@32473 peer=\"192.0.2.7\"]"}, {"peer", "::1"}}, "");
  CHECK(written(standard(), made).text ==
        "<13>1 2026-11-22T23:59:00.123456Z gw applog - - [runnel@32473 peer=\"192.0.2.7\"]");
}

TEST_CASE("syslog format: structured data that is none is a parameter like any other") {
  for (const std::string_view bad :
       {"-"sv, "["sv, "[]"sv, "[a"sv, "[a b=c]"sv, "[a b=\"c]"sv, "[a b=\"]\"]"sv, "x[a]"sv,
        "[a] [b]"sv, "[a]x"sv, "[a b=\"\xff\"]"sv, "[\x80]"sv, "[a \x7f=\"\"]"sv,
        "[123456789012345678901234567890123]"sv, "[a 123456789012345678901234567890123=\"\"]"sv}) {
    CAPTURE(bad);
    const Written got = written(standard(), Made(Pairs{{"structured_data", std::string(bad)}}));
    const auto message = read(got.text);
    CHECK(message.structured_data.starts_with("[runnel@32473 structured_data=\""));
    CHECK(codec::is_structured_data(message.structured_data));
    CHECK(as_text(message.message) == "body");
  }
  CHECK(codec::is_structured_data("[12345678901234567890123456789012 a=\"\xc3\xa4\"]"));
  CHECK(codec::is_structured_data("[a b=\"\\x\"]"));
}

TEST_CASE("syslog format: hostile headers stay where they belong") {
  const std::string everything = [] {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    return all;
  }();
  const Written got = written(standard(), Made(Pairs{{"host", "a b\n]\"\x7f"},
                                                     {"app", "\xc3\xa4pp"},
                                                     {"procid", "[1] <2>"},
                                                     {"msgid", "\t"},
                                                     {"facility", "local9"},
                                                     {"x=]\" y", everything},
                                                     {std::string(200, 'k'), ""}}));
  CHECK(
      got.text.starts_with("<13>1 2026-11-22T23:59:00.123456Z a_b_]\"_ __pp [1]_<2> _ "
                           "[runnel@32473 x____y=\""));
  const auto message = read(got.text);
  CHECK(codec::is_structured_data(message.structured_data));
  CHECK(message.structured_data.ends_with(" " + std::string(32, 'k') + "=\"\"]"));
  CHECK(message.structured_data.find("!\\\"#") != std::string_view::npos);
  CHECK(message.structured_data.find("[\\\\\\]^") != std::string_view::npos);
  CHECK(got.replaced == 128);
  CHECK(got.cut == 0);
}

TEST_CASE("syslog format: fields end at their limit") {
  const Pairs given = {{"host", std::string(300, 'h')},
                       {"app", std::string(300, 'a')},
                       {"procid", std::string(300, 'p')},
                       {"msgid", std::string(300, 'm')}};
  SyslogFormatSettings settings = standard();
  settings.message_bytes_max = SyslogFormatSettings::message_bytes_lowest;
  settings.fields.facility = field("23");
  const auto text = written(settings, Made(given, "", Severity::debug)).text;
  CHECK(text == "<191>1 2026-11-22T23:59:00.123456Z " + std::string(255, 'h') + ' ' +
                    std::string(48, 'a') + ' ' + std::string(128, 'p') + ' ' +
                    std::string(32, 'm') + " -");
  settings.fields.hostname = field("edge-%{host}-%{source}");
  CHECK(written(settings, Made(Pairs())).text.find(" edge--applog applog ") != std::string::npos);
}

TEST_CASE("syslog format: what is too long is cut within its body, between characters") {
  SyslogFormatSettings settings = standard();
  settings.message_bytes_max = 512;
  const std::string head = "<13>1 2026-11-22T23:59:00.123456Z gw applog - - - ";
  const std::size_t room = 512 - head.size();
  const Written exact = written(settings, Made({}, std::string(room, 'x')));
  CHECK(exact.text == head + std::string(room, 'x'));
  CHECK(exact.cut == 0);
  const Written over = written(settings, Made({}, std::string(room + 1, 'x')));
  CHECK(over.text == exact.text);
  CHECK(over.cut == 1);
  for (const std::string_view character : {"\xc3\xa4"sv, "\xe2\x82\xac"sv, "\xf0\x9f\x98\x80"sv}) {
    for (std::size_t before = 0; before < character.size(); ++before) {
      std::string body(room - before, 'x');
      body += character;
      const Written got = written(settings, Made({}, body + "more"));
      CHECK(got.text == head + std::string(room - before, 'x'));
    }
  }
  const Written not_text = written(settings, Made({}, std::string(600, '\x80')));
  CHECK(not_text.text.size() == 512);
}

TEST_CASE("syslog format: of structured data that is too long the beginning stays, well-formed") {
  SyslogFormatSettings settings = standard();
  settings.message_bytes_max = 512;
  const std::string body(2000, 'x');
  const Written ours =
      written(settings, Made({{"a", "1"}, {"b", std::string(400, 'b')}, {"c", "3"}}, body));
  CHECK(ours.text.size() == 512);
  CHECK(ours.cut == 1);
  CHECK(read(ours.text).structured_data == "[runnel@32473 a=\"1\" c=\"3\"]");
  const std::string theirs = "[a@1 b=\"" + std::string(600, 'b') + "\"]";
  const Written left_out = written(settings, Made({{"structured_data", theirs}}, "hello"));
  CHECK(left_out.text == "<13>1 2026-11-22T23:59:00.123456Z gw applog - - - hello");
  CHECK(left_out.cut == 1);
  for (std::size_t size = 200; size < 300; ++size) {
    const Written got = written(settings, Made({{"a", std::string(size, 'a')}}, body));
    const auto message = read(got.text);
    CHECK(got.text.size() == 512);
    CHECK(message.structured_data.size() <= 256);
  }
}

TEST_CASE("syslog format: lines, and the mark of UTF-8") {
  SyslogFormatSettings settings = standard(SyslogFraming::newline);
  const Made lines({{"a", "x\ny"}}, "one\ntwo\n");
  CHECK(written(settings, lines).text ==
        "<13>1 2026-11-22T23:59:00.123456Z gw applog - - [runnel@32473 a=\"x y\"] one two \n");
  settings.framing = SyslogFraming::octet_counted;
  CHECK(written(settings, lines).text ==
        "<13>1 2026-11-22T23:59:00.123456Z gw applog - - [runnel@32473 a=\"x\ny\"] one\ntwo\n\n");
  settings.framing = SyslogFraming::datagram;
  settings.bom = true;
  const std::string head = "<13>1 2026-11-22T23:59:00.123456Z gw applog - - -";
  CHECK(written(settings, Made({}, "\xc3\xa4")).text == head + " \xef\xbb\xbf\xc3\xa4");
  CHECK(written(settings, Made({}, "\xef\xbb\xbfx")).text == head + " \xef\xbb\xbfx");
  CHECK(written(settings, Made({}, "\xff")).text == head + " \xff");
  CHECK(written(settings, Made({}, "")).text == head);
}

TEST_CASE("syslog sink: options that cannot be are named") {
  CHECK(problem_of({{"address", "udp://logs.example.org"}}).empty());
  CHECK(problem_of({{"address", "tcp://192.0.2.1:514"}, {"framing", "newline"}}).empty());
  CHECK(problem_of({{"address", "tls://[2001:db8::1]"}, {"facility", "local3"}}).empty());
  CHECK(problem_of({{"address", "udp://h"}, {"severity", "3"}, {"max_message", "65507"}}).empty());
  CHECK(problem_of({{"address", "logs:514"}}) ==
        "address \"logs:514\" does not say how: write for example \"tcp://logs:514\", udp:// or "
        "tls://");
  CHECK(problem_of({{"address", "udp://a b"}}) ==
        "address \"a b\" is not a host: a name or an address");
  CHECK(problem_of({{"address", "udp://tls://h"}}) ==
        "address \"tls://h\" is not a host behind udp://");
  CHECK(problem_of({{"address", "udp://h"}, {"framing", "newline"}}) ==
        "framing is set, but over UDP each datagram is a message");
  CHECK(problem_of({{"address", "udp://h"}, {"facility", "local9"}}) ==
        "facility is \"local9\", which is none: kern to local7");
  CHECK(problem_of({{"address", "udp://h"}, {"severity", "8"}}) ==
        "severity is \"8\", which is none: emerg to debug");
  CHECK(problem_of({{"address", "udp://h"}, {"app_name", "my app"}}) ==
        "app_name has a space or another character no field may have");
  CHECK(problem_of({{"address", "udp://h"}, {"structured_data_id", "a b"}}) ==
        "structured_data_id is not 1 to 32 printable characters without space, =, ] and \"");
  CHECK(problem_of({{"address", "udp://h"}, {"max_message", "65508"}}) ==
        "max_message is not 512 to 65507 bytes");
  CHECK(problem_of({{"address", "tcp://h"}, {"max_message", "511"}}) ==
        "max_message is not 512 to 1048576 bytes");
}

TEST_CASE("syslog: names and numbers of facilities and severities, read") {
  for (std::uint8_t number = 0; number < 24; ++number) {
    CHECK(codec::facility_from(codec::facility_name(number)) == number);
    CHECK(codec::facility_from(std::to_string(number)) == number);
  }
  for (std::uint8_t number = 0; number < 8; ++number) {
    CHECK(codec::severity_from(codec::severity_name(number)) == number);
    CHECK(codec::severity_from(std::to_string(number)) == number);
  }
  CHECK(codec::severity_from("error") == std::uint8_t{3});
  CHECK(codec::severity_from("warn") == std::uint8_t{4});
  for (const std::string_view none : {""sv, "24"sv, "unknown"sv, "-1"sv, "Local0"sv, " 1"sv}) {
    CHECK_FALSE(codec::facility_from(none).has_value());
    CHECK_FALSE(codec::severity_from(none).has_value());
  }
}
