// Goal: messages of both RFCs and of the senders seen in the field come apart as their authors
// meant, everything else comes back whole. Method: the examples of RFC 5424 section 6.5 and RFC
// 3164 section 5.4 as data, a table of field variants, a table of malformed ones, times around the
// turn of the year, and every truncation and random damage of valid messages.
#include "codec/syslog.hpp"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/civil.hpp"

using namespace runnel;
using namespace runnel::codec;
using namespace std::string_view_literals;

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t at(CivilDay date, std::int64_t hour = 0, std::int64_t minute = 0,
                std::int64_t second = 0, std::int64_t nanoseconds = 0) {
  return (days_from_civil(date) * 86'400 + hour * 3600 + minute * 60 + second) * second_ns +
         nanoseconds;
}
const SyslogClock clock_2026{at({2026, 11, 22}, 12), 0};

SyslogMessage parse(std::string_view text, const SyslogClock& clock = clock_2026) {
  return parse_syslog(as_bytes(text), clock);
}

struct Expected {
  std::string_view text;
  int facility, severity;
  std::int64_t time_ns;  // 0: none
  std::string_view host, app, procid, msgid, structured_data, message;
};
void check(const Expected& row, bool rfc5424) {
  INFO(row.text);
  const SyslogMessage got = parse(row.text);
  CHECK(got.parsed);
  CHECK(got.rfc5424 == rfc5424);
  CHECK(int{got.facility} == row.facility);
  CHECK(int{got.severity} == row.severity);
  CHECK(got.has_time == (row.time_ns != 0));
  CHECK(got.time_ns == row.time_ns);
  CHECK(got.host == row.host);
  CHECK(got.app == row.app);
  CHECK(got.procid == row.procid);
  CHECK(got.msgid == row.msgid);
  CHECK(got.structured_data == row.structured_data);
  CHECK(as_text(got.message) == row.message);
}
void check_whole(std::string_view text) {
  INFO(text);
  const SyslogMessage got = parse(text);
  CHECK_FALSE(got.parsed);
  CHECK_FALSE(got.has_time);
  CHECK(got.host.empty());
  CHECK(as_text(got.message) == text);
}

}  // namespace

TEST_CASE("syslog: RFC 5424") {
  const std::string_view element =
      "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]";
  const std::string_view elements =
      "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]"
      "[examplePriority@32473 class=\"high\"]";
  const Expected table[] = {
      // Section 6.5, examples 1 to 4.
      {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
       "\xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8",
       4, 2, at({2003, 10, 11}, 22, 14, 15, 3'000'000), "mymachine.example.com", "su", "", "ID47",
       "", "'su root' failed for lonvick on /dev/pts/8"},
      {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - "
       "%% It's time to make the do-nuts.",
       20, 5, at({2003, 8, 24}, 12, 14, 15, 3'000), "192.0.2.1", "myproc", "8710", "", "",
       "%% It's time to make the do-nuts."},
      {"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
       "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"] "
       "\xef\xbb\xbf"
       "An application event log entry...",
       20, 5, at({2003, 10, 11}, 22, 14, 15, 3'000'000), "mymachine.example.com", "evntslog", "",
       "ID47", element, "An application event log entry..."},
      {"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
       "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]"
       "[examplePriority@32473 class=\"high\"]",
       20, 5, at({2003, 10, 11}, 22, 14, 15, 3'000'000), "mymachine.example.com", "evntslog", "",
       "ID47", elements, ""},
      // Edges.
      {"<0>1 - - - - - -", 0, 0, 0, "", "", "", "", "", ""},
      {"<191>1 - - - - - - ", 23, 7, 0, "", "", "", "", "", ""},
      {"<13>1 1985-04-12T19:20:50.52-04:00 h a p m - \n", 1, 5,
       at({1985, 4, 12}, 23, 20, 50, 520'000'000), "h", "a", "p", "m", "", ""},
      {"<13>1 2024-02-29T00:00:00.123456789+05:30 h a p m -  two spaces \r\n\0"sv, 1, 5,
       at({2024, 2, 28}, 18, 30, 0, 123'456'789), "h", "a", "p", "m", "", " two spaces "},
      {"<13>1 - h a p m [x][y a=\"\"] [not sd]", 1, 5, 0, "h", "a", "p", "m", "[x][y a=\"\"]",
       "[not sd]"},
      {"<13>1 - h a p m [x a=\"q\\\"b\\\\\\]\\n\"]\n", 1, 5, 0, "h", "a", "p", "m",
       "[x a=\"q\\\"b\\\\\\]\\n\"]", ""},
  };
  for (const Expected& row : table) check(row, true);
}

TEST_CASE("syslog: RFC 3164 and its relatives") {
  const std::int64_t now = at({2026, 11, 22}, 11, 42, 18);
  const Expected table[] = {
      // Section 5.4, examples 1 to 4; the second as a relay has completed it.
      {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8", 4, 2,
       at({2026, 10, 11}, 22, 14, 15), "mymachine", "su", "", "", "",
       "'su root' failed for lonvick on /dev/pts/8"},
      {"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", 1, 5, at({2027, 2, 5}, 17, 32, 18),
       "10.0.0.99", "", "", "", "", "Use the BFG!"},
      {"<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time", 20, 5,
       at({2026, 8, 24}, 5, 34), "CST", "", "", "", "", "1987 mymachine myproc[10]: %% It's time"},
      {"<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All "
       "Folks!",
       0, 0, 0, "", "", "", "", "",
       "1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!"},
      // To /dev/log, without a host.
      {"<13>Nov 22 11:42:18 root: hello", 1, 5, now, "", "root", "", "", "", "hello"},
      {"<86>Nov 22 11:42:18 sshd[812]: Accepted publickey", 10, 6, now, "", "sshd", "812", "", "",
       "Accepted publickey"},
      {"<86>Nov 22 11:42:18 sshd[812] no colon", 10, 6, now, "", "sshd", "812", "", "", "no colon"},
      // rsyslog's forward format, and with the offset left in.
      {"<30>2026-11-22T13:42:18.5+02:00 box systemd[1]: Started.\n", 3, 6, now + second_ns / 2,
       "box", "systemd", "1", "", "", "Started."},
      {"<22>Nov 22 11:42:18 box postfix/smtpd[99]: connect", 2, 6, now, "box", "postfix/smtpd",
       "99", "", "", "connect"},
      {"<13>Nov 22 11:42:18.25 box app:no space", 1, 5, now + second_ns / 4, "box", "app", "", "",
       "", "no space"},
      {"<13>Nov 2 01:02:03 fe80::1 app: x", 1, 5, at({2026, 11, 2}, 1, 2, 3), "fe80::1", "app", "",
       "", "", "x"},
      {"<4>Nov 22 11:42:18 box kernel: [   12.345678] usb 1-1: new", 0, 4, now, "box", "kernel", "",
       "", "", "[   12.345678] usb 1-1: new"},
      // What is missing stays empty; nothing is guessed.
      {"<13>Nov 22 11:42:18 lonely", 1, 5, now, "", "", "", "", "", "lonely"},
      {"<13>Nov 22 11:42:18 host ", 1, 5, now, "host", "", "", "", "", ""},
      {"<13>Nov 22 11:42:18 ", 1, 5, now, "", "", "", "", "", ""},
      {"<13>Nov 22 11:42:18", 1, 5, 0, "", "", "", "", "", "Nov 22 11:42:18"},
      {"<13>just text: with a colon", 1, 5, 0, "", "", "", "", "", "just text: with a colon"},
      {"<13>", 1, 5, 0, "", "", "", "", "", ""},
      {"<13>2 - - - - - -", 1, 5, 0, "", "", "", "", "", "2 - - - - - -"},
      {"<13>Feb 29 00:00:00 host app: not near 2026", 1, 5, 0, "", "", "", "", "",
       "Feb 29 00:00:00 host app: not near 2026"},
      {"<13>Nov 31 00:00:00 host app: x", 1, 5, 0, "", "", "", "", "",
       "Nov 31 00:00:00 host app: x"},
      {"<13>Nov 22 24:00:00 host app: x", 1, 5, 0, "", "", "", "", "",
       "Nov 22 24:00:00 host app: x"},
      {"<13>2026-13-22T13:42:18Z host app: x", 1, 5, 0, "", "", "", "", "",
       "2026-13-22T13:42:18Z host app: x"},
  };
  for (const Expected& row : table) check(row, false);
}

TEST_CASE("syslog: what does not parse comes back whole") {
  for (const std::string_view text :
       {""sv, "hello"sv, "<"sv, "<>x"sv, "<1"sv, "<192>x"sv, "<999>x"sv, "<1234>x"sv, "<-1>x"sv,
        "<1 >x"sv, " <13>x"sv, "\0\n"sv, "Use the BFG!\n"sv})
    check_whole(text);
  const std::string head = "<13>1 ";
  for (const std::string_view rest : {"",
                                      "-",
                                      "- h a p m",
                                      "- h a p m ",
                                      "-  a p m -",
                                      "2003-10-11 22:14:15Z h a p m -",
                                      "2003-10-11T22:14:15 h a p m -",
                                      "2003-10-11T22:14:15.Z h a p m -",
                                      "2003-02-29T22:14:15Z h a p m -",
                                      "2003-10-11T22:14:60Z h a p m -",
                                      "2003-10-11T22:14:15+0200 h a p m -",
                                      "0001-10-11T22:14:15Z h a p m -",
                                      "9999-10-11T22:14:15Z h a p m -",
                                      "- h a p m -x",
                                      "- h a p m [",
                                      "- h a p m []",
                                      "- h a p m [x",
                                      "- h a p m [x ]",
                                      "- h a p m [x a]",
                                      "- h a p m [x a=]",
                                      "- h a p m [x a=\"]",
                                      "- h a p m [x a=\"\\\"]",
                                      "- h a p m [x a=\"b\"",
                                      "- h a p m [x a=\"b\"]c",
                                      "- h a p m [x a=\"]\"]",
                                      "- h a p m [x  a=\"b\"]"})
    check_whole(head + std::string(rest));
  check_whole(head + "- " + std::string(256, 'h') + " a p m -");
  CHECK(parse(head + "- " + std::string(255, 'h') + " a p m -").parsed);
}

TEST_CASE("syslog: the year that RFC 3164 leaves out") {
  const auto time_of = [](std::string_view time, std::int64_t now, std::int32_t offset = 0) {
    const std::string text = "<13>" + std::string(time) + " host app: x";
    const SyslogMessage got = parse(text, {now, offset});
    REQUIRE(got.has_time);
    return got.time_ns;
  };
  CHECK(time_of("Dec 31 23:59:59", at({2027, 1, 1}, 0, 0, 5)) == at({2026, 12, 31}, 23, 59, 59));
  CHECK(time_of("Jan  1 00:00:01", at({2026, 12, 31}, 23, 59)) == at({2027, 1, 1}, 0, 0, 1));
  CHECK(time_of("Jun 15 12:00:00", at({2026, 11, 22})) == at({2026, 6, 15}, 12));
  CHECK(time_of("Feb 29 12:00:00", at({2028, 3, 1})) == at({2028, 2, 29}, 12));
  CHECK(time_of("Feb 29 12:00:00", at({2029, 1, 1})) == at({2028, 2, 29}, 12));
  // Local time: two hours east, and eight west of Greenwich.
  CHECK(time_of("Jan  1 01:30:00", at({2026, 12, 31}, 23, 30), 7200) == at({2026, 12, 31}, 23, 30));
  CHECK(time_of("Dec 31 16:30:00", at({2027, 1, 1}, 0, 30), -28'800) == at({2027, 1, 1}, 0, 30));
}

TEST_CASE("syslog: any byte anywhere in a clock is judged as by its digits") {
  const std::string head = "<13>Nov 22 ";
  for (const std::string clock : {"11:42:18", "00:00:00", "23:59:59", "20:30:09"}) {
    for (std::size_t place = 0; place < clock.size(); ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string damaged = clock;
        damaged[place] = static_cast<char>(byte);
        bool right = damaged[2] == ':' && damaged[5] == ':';
        int pairs[3] = {};
        for (std::size_t index = 0; index < 3; ++index) {
          const int tens = damaged[3 * index] - '0', ones = damaged[3 * index + 1] - '0';
          right = right && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
          pairs[index] = tens * 10 + ones;
        }
        right = right && pairs[0] < 24 && pairs[1] < 60 && pairs[2] < 60;
        const SyslogMessage got = parse(head + damaged + " gw app: x");
        REQUIRE_MESSAGE(got.has_time == right, damaged);
        if (right) REQUIRE(got.time_ns == at({2026, 11, 22}, pairs[0], pairs[1], pairs[2]));
      }
    }
  }
}

TEST_CASE("syslog: what a reader remembers of a date never shows in the next message") {
  const std::string dates[] = {"Nov 22 ",
                               "Nov 21 ",
                               "Nov  2 ",
                               "Nov 2 ",
                               "Feb 29 ",
                               "May 23 ",
                               "May 24 ",
                               "Jan  1 ",
                               "Dec 31 ",
                               "Nov 31 ",
                               std::string("Nov\0 22 "sv),
                               std::string(7, '\0'),
                               "2026-11-22T",
                               "2026-11-23T",
                               "2024-02-29T",
                               "2025-02-29T",
                               "1678-01-01T",
                               "2026-11-22 ",
                               "2261-12-31T",
                               "1 2026-11-22T",
                               "1 ",
                               "1 " + std::string(11, '\0')};
  const std::string clocks[] = {"00:00:00", "11:59:59", "12:00:01", "23:59:59", "24:00:00", "1:2"};
  const std::string ends[] = {"",    "Z",           ".5Z", ".123456789+14:00", "-23:59",
                              ".25", ".1234567890", ".Z",  "+24:00",           "."};
  std::mt19937_64 random(3);
  SyslogReader reader(clock_2026);
  SyslogClock clock = clock_2026;
  for (int round = 0; round < 50'000; ++round) {
    if (random() % 64 == 0) {
      clock.now_ns = at({static_cast<std::int32_t>(2020 + random() % 9), 1, 1}) +
                     static_cast<std::int64_t>(random() % 365) * 86'400 * second_ns;
      clock.utc_offset_seconds = static_cast<std::int32_t>(random() % 3) * 3600 - 3600;
      reader.set_clock(clock);
    }
    const std::string text = "<13>" + dates[random() % std::size(dates)] +
                             clocks[random() % std::size(clocks)] +
                             ends[random() % std::size(ends)] + " gw app 1 - - x";
    const SyslogMessage got = reader.read(as_bytes(text));
    const SyslogMessage alone = parse(text, clock);
    CAPTURE(text);
    REQUIRE(got.parsed == alone.parsed);
    REQUIRE(got.has_time == alone.has_time);
    REQUIRE(got.time_ns == alone.time_ns);
    REQUIRE(got.time == alone.time);
    REQUIRE(as_text(got.message) == as_text(alone.message));
    if (!got.has_time) REQUIRE(got.time.empty());
  }
  // Text that could be taken for what a reader holds before its first date.
  CHECK_FALSE(
      parse(std::string("<13>1 ") + std::string(11, '\0') + "12:00:00Z - - - - - x").parsed);
  CHECK_FALSE(parse(std::string("<13>") + std::string(7, '\xff') + "12:00:00 gw x").has_time);
}

TEST_CASE("syslog: structured data") {
  std::string seen;
  const auto note = [&seen](std::string_view id, std::string_view name, std::string_view raw) {
    char storage[64];
    TextWriter value{std::span<char>(storage)};
    unescape_param(raw, value);
    seen += std::string(id) + "/" + std::string(name) + "=" + std::string(value.text()) + ";";
  };
  each_param("[a@1 b=\"c\" d=\"\"][e][f g=\"\\\"x\\\\y\\]z\\n\\\\\\\\\"]", note);
  CHECK(seen == "a@1/b=c;a@1/d=;e/=;f/g=\"x\\y]z\\n\\\\;");
  seen.clear();
  each_param("", note);
  each_param("-", note);
  CHECK(seen.empty());
  Text<3> small;
  unescape_param("ab\\\"cd", small);
  CHECK(small.text() == "ab\"");
  CHECK(small.cut());
  Text<8> trailing;
  unescape_param("a\\", trailing);
  CHECK(trailing.text() == "a\\");
}

TEST_CASE("syslog: damage never crashes and always points into the message") {
  const std::string_view valid[] = {
      "<165>1 2003-10-11T22:14:15.003Z mymachine evntslog 17 ID47 [x@1 a=\"3\\\"\" b=\"4\"][y] "
      "text",
      "<34>Oct 11 22:14:15 mymachine su[17]: 'su root' failed",
      "<30>2026-11-22T13:42:18.5+02:00 box systemd[1]: Started."};
  std::mt19937 random(5);
  const auto check_views = [](const std::string& text) {
    const std::vector<char> copy(text.begin(), text.end());  // exact, for the address sanitizer
    const std::string_view whole(copy.data(), copy.size());
    const SyslogMessage got = parse(whole);
    for (const std::string_view view :
         {got.host, got.app, got.procid, got.msgid, got.structured_data, as_text(got.message)}) {
      if (view.empty()) continue;
      REQUIRE(view.data() >= whole.data());
      REQUIRE(view.data() + view.size() <= whole.data() + whole.size());
    }
    REQUIRE(got.facility <= 23);
    REQUIRE(got.severity <= 7);
    each_param(got.structured_data, [](auto id, auto, auto) { REQUIRE_FALSE(id.empty()); });
  };
  for (const std::string_view text : valid) {
    for (std::size_t size = 0; size <= text.size(); ++size)
      check_views(std::string(text.substr(0, size)));
    for (int round = 0; round < 5000; ++round) {
      std::string damaged(text);
      for (std::size_t count = 1 + random() % 3; count > 0; --count)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      check_views(damaged);
    }
  }
}

TEST_CASE("syslog: names") {
  CHECK(severity_name(0) == "emerg");
  CHECK(severity_name(3) == "err");
  CHECK(severity_name(7) == "debug");
  CHECK(severity_name(8) == "unknown");
  CHECK(facility_name(0) == "kern");
  CHECK(facility_name(10) == "authpriv");
  CHECK(facility_name(16) == "local0");
  CHECK(facility_name(23) == "local7");
  CHECK(facility_name(24) == "unknown");
}
