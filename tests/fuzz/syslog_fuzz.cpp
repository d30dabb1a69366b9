// Whatever comes, a message is read within its bytes: fields have their limits, what is not parsed
// comes back whole, and a reader that has seen other messages reads as one that has not (its
// remembered dates).
#include "codec/syslog.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using codec::SyslogMessage;

namespace {

bool same(const SyslogMessage& a, const SyslogMessage& b) {
  return a.parsed == b.parsed && a.rfc5424 == b.rfc5424 && a.has_time == b.has_time &&
         a.facility == b.facility && a.severity == b.severity && a.time_ns == b.time_ns &&
         a.time == b.time && a.host == b.host && a.app == b.app && a.procid == b.procid &&
         a.msgid == b.msgid && a.structured_data == b.structured_data &&
         as_text(a.message) == as_text(b.message);
}

void check_field(const fuzz::Exact& text, std::string_view field) {
  FUZZ_CHECK(text.holds(field));
  FUZZ_CHECK(field.size() <= codec::syslog_field_bytes_max);
  FUZZ_CHECK(field.find(' ') == std::string_view::npos);
}

void check_structured_data(const fuzz::Exact& text, const SyslogMessage& message) {
  const std::string_view data = message.structured_data;
  FUZZ_CHECK(text.holds(data));
  FUZZ_CHECK(data.empty() || (message.rfc5424 && data.front() == '[' && data.back() == ']'));
  std::size_t calls = 0;
  codec::each_param(data, [&](std::string_view id, std::string_view name, std::string_view raw) {
    ++calls;
    FUZZ_CHECK(!id.empty() && text.holds(id) && text.holds(name) && text.holds(raw));
    FUZZ_CHECK(name.empty() ? raw.empty() : true);
    std::vector<char> room(raw.size() + 1);
    TextWriter plain{std::span<char>(room)};
    codec::unescape_param(raw, plain);
    FUZZ_CHECK(!plain.cut() && plain.size() <= raw.size());
  });
  FUZZ_CHECK((calls > 0) == !data.empty());
}

void check(const fuzz::Exact& text, const SyslogMessage& message) {
  FUZZ_CHECK(text.holds(as_text(message.message)));
  if (!message.parsed) {
    SyslogMessage nothing;
    nothing.message = message.message;
    FUZZ_CHECK(same(message, nothing));
    return;
  }
  FUZZ_CHECK(message.facility <= 23 && message.severity <= 7);
  FUZZ_CHECK(codec::severity_name(message.severity) != "unknown");
  FUZZ_CHECK(codec::facility_name(message.facility) != "unknown");
  FUZZ_CHECK(message.has_time == !message.time.empty() && text.holds(message.time));
  FUZZ_CHECK(message.has_time || message.time_ns == 0);
  for (const std::string_view field : {message.host, message.app, message.procid, message.msgid})
    check_field(text, field);
  const std::string_view body = as_text(message.message);
  FUZZ_CHECK(!body.ends_with('\n') && !body.ends_with('\r') && !body.ends_with('\0'));
  check_structured_data(text, message);
}

}  // namespace

// Messages stand in lines, the clock in front of them.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  codec::SyslogClock clock;
  clock.now_ns = 1'000'000'000 * (std::int64_t{input.word()} << 16 | input.word());
  clock.utc_offset_seconds = (input.byte() % 27 - 12) * 3600;
  codec::SyslogReader reader(clock);
  for (int count = 0; count < 16 && !input.empty(); ++count) {
    const fuzz::Exact text(input.until('\n'));
    const SyslogMessage message = codec::parse_syslog(text.bytes(), clock);
    check(text, message);
    FUZZ_CHECK(same(message, reader.read(text.bytes())));
    FUZZ_CHECK(same(message, reader.read(text.bytes())));
  }
  return 0;
}
