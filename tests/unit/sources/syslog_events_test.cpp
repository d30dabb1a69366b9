// Goal: every part of a syslog message lands in its header, and no message, however hostile, breaks
// the bounds. Method: examples, the longest possible fields, random bytes, cuts at every length.
#include "sources/syslog/syslog_events.hpp"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pipeline/record.hpp"

using namespace runnel;
using namespace runnel::sources;

namespace {

struct Fixture {
  explicit Fixture(const SyslogEventSettings& given = {}) : settings(given) {
    Region measured = Region::measuring();
    SyslogEvents::carve(measured, settings);
    memory.resize(measured.used() / Region::base_alignment + 2);
    Region region = Region::over({memory[0].bytes, measured.used()});
    events.emplace(counters, settings, SyslogEvents::carve(region, settings));
  }
  pipeline::Event make(std::string_view text) {
    raw.bytes = as_bytes(text);
    raw.arrived = instant_from_ns(77);
    const pipeline::Event event = events->make(raw);
    events->taken(raw);
    return event;
  }
  struct alignas(Region::base_alignment) Page {
    std::byte bytes[Region::base_alignment];
  };
  SyslogEventSettings settings;
  std::vector<Page> memory;
  pipeline::SourceCounters counters;
  RawEvent raw;
  std::optional<SyslogEvents> events;
};

std::string header(const pipeline::Event& event, std::string_view key) {
  return std::string(event.headers.find(key).value_or("(none)"));
}

}  // namespace

TEST_CASE("syslog events: what is not stated has no header") {
  Fixture fixture;
  const auto event = fixture.make("<0>1 - - - - - - only this");
  CHECK(as_text(event.body) == "only this");
  CHECK(header(event, "facility") == "kern");
  CHECK(header(event, "severity") == "emerg");
  for (const auto key : {"timestamp", "host", "app", "procid", "msgid", "structured_data"})
    CHECK(header(event, key) == "(none)");
  CHECK(event.severity == pipeline::Severity::emergency);
  CHECK(event.time.since_boot);
  CHECK(event.time.ns == 77);
}

TEST_CASE("syslog events: every priority has its two headers") {
  Fixture fixture;
  for (unsigned priority = 0; priority < 192; ++priority) {
    const std::string text = "<" + std::to_string(priority) + ">x";
    const auto event = fixture.make(text);
    CHECK(header(event, "facility") ==
          codec::facility_name(static_cast<std::uint8_t>(priority / 8)));
    CHECK(header(event, "severity") ==
          codec::severity_name(static_cast<std::uint8_t>(priority % 8)));
  }
  CHECK(fixture.counters.malformed_events == 0);
}

TEST_CASE("syslog events: the longest fields and structured data fit, and stay in their bound") {
  const std::string f(codec::syslog_field_bytes_max, 'f');
  const std::string head = "<191>1 2026-11-22T11:42:18.123456Z " + f + " " + f + " " + f + " " + f;
  for (const std::size_t limit : {std::size_t{64}, std::size_t{8192}, std::size_t{1} << 20}) {
    SyslogEventSettings settings;
    settings.event_bytes_max = limit;
    Fixture fixture(settings);
    for (const std::size_t data : {std::size_t{0}, std::size_t{5000}, std::size_t{200'000}}) {
      const std::string text = head + " [a b=\"" + std::string(data, 'd') + "\"] message";
      if (text.size() > limit) continue;
      CAPTURE(text.size());
      fixture.raw.cut_bytes = 1;
      const auto event = fixture.make(text);
      CHECK(header(event, "msgid") == f);
      CHECK(header(event, "cut_bytes") == "1");
      CHECK(event.headers.encoded().size() <= SyslogEvents::headers_bytes_max(settings));
      if (data > SyslogEvents::structured_data_bytes_max) {
        CHECK(header(event, "structured_data") == "(none)");
        CHECK(as_text(event.body) == text);
      } else {
        CHECK(header(event, "structured_data").size() == data + 8);
        CHECK(as_text(event.body) == "message");
      }
    }
  }
}

TEST_CASE("syslog events: a timestamp reads the same however it was written") {
  Fixture fixture;
  const char* times[][2] = {
      {"2026-11-22T11:42:18.123456Z", "2026-11-22T11:42:18.123456Z"},
      {"2026-11-22T11:42:18Z", "2026-11-22T11:42:18.000000Z"},
      {"2026-11-22T11:42:18.5Z", "2026-11-22T11:42:18.500000Z"},
      {"2026-11-22T11:42:18.123456789Z", "2026-11-22T11:42:18.123456Z"},
      {"2026-11-22T11:42:18.12+00:00", "2026-11-22T11:42:18.120000Z"},
      {"2026-11-23T00:12:18.003+01:00", "2026-11-22T23:12:18.003000Z"},
  };
  for (const auto& [written, expected] : times) {
    const std::string five = std::string("<13>1 ") + written + " gw app - - - text";
    const std::string three = std::string("<13>") + written + " gw app: text";
    CHECK(header(fixture.make(five), "timestamp") == expected);
    CHECK(header(fixture.make(three), "timestamp") == expected);
  }
  fixture.events->set_clock({fixture.make("<13>1 2026-11-22T12:00:00Z - - - - -").time.ns, 3600});
  CHECK(header(fixture.make("<13>Nov 22 00:30:00 gw x: y"), "timestamp") ==
        "2026-11-21T23:30:00.000000Z");
  CHECK(header(fixture.make("<13>Nov 22 01:30:00.25 gw x: y"), "timestamp") ==
        "2026-11-22T00:30:00.250000Z");
}

TEST_CASE("syslog events: malformed ones are kept without their terminators") {
  Fixture fixture;
  using namespace std::string_view_literals;
  CHECK(as_text(fixture.make("no priority\r\n"sv).body) == "no priority");
  CHECK(as_text(fixture.make("<1000>\0x\0\0"sv).body) == "<1000>\0x"sv);
  CHECK(header(fixture.make("<13"), "malformed") == "true");
  CHECK(as_text(fixture.make("<1>1 broken header").body) == "<1>1 broken header");
  CHECK(fixture.counters.malformed_events == 4);
}

TEST_CASE("syslog events: no bytes break the bounds") {
  Fixture fixture;
  std::mt19937_64 random(20261122);
  const std::string sample =
      "<165>1 2026-11-22T11:42:18.003Z gw app 4711 ID47 [x@1 k=\"v\\\"w\"][y] \xEF\xBB\xBFstarted";
  for (std::size_t size = 0; size <= sample.size(); ++size) {
    const auto event = fixture.make(std::string_view(sample).substr(0, size));
    CHECK(event.body.size() <= size);
  }
  for (int round = 0; round < 20'000; ++round) {
    std::string text = sample;
    for (std::uint64_t changes = random() % 8; changes > 0; --changes)
      text[static_cast<std::size_t>(random() % text.size())] = static_cast<char>(random());
    const auto event = fixture.make(text);
    REQUIRE(event.body.size() <= text.size());
    REQUIRE(event.headers.encoded().size() <= SyslogEvents::headers_bytes_max(fixture.settings));
    int entries = 0;
    event.headers.each(
        [&](std::string_view key, std::string_view) { entries += key.empty() ? 0 : 1; });
    REQUIRE(entries <= 9);
  }
}
