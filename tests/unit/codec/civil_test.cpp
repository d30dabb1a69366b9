// Goal: the calendar is right over its whole range and the texts made of it are the standard ones.
// Method: every day of 800 years stepped by a plain calendar; tables of known times; the caching
// writer against the template writer at random times.
#include "codec/civil.hpp"

#include <random>
#include <string>

#include <doctest/doctest.h>

using namespace runnel;
using namespace runnel::codec;

TEST_CASE("civil: every day from 1600 to 2400") {
  constexpr std::uint32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int64_t days = days_from_civil({1600, 1, 1});
  CHECK(days == -135'140);
  for (std::int32_t year = 1600; year < 2400; ++year) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (std::uint32_t month = 1; month <= 12; ++month) {
      const std::uint32_t length = lengths[month - 1] + (leap && month == 2 ? 1 : 0);
      for (std::uint32_t day = 1; day <= length; ++day, ++days) {
        const CivilDay date{year, month, day};
        REQUIRE(days_from_civil(date) == days);
        REQUIRE(civil_from_days(days) == date);
        REQUIRE(exists(date));
      }
      REQUIRE_FALSE(exists({year, month, length + 1}));
    }
  }
  CHECK(days_from_civil({1970, 1, 1}) == 0);
  for (const CivilDay wrong :
       {CivilDay{0, 1, 1}, {10'000, 1, 1}, {2026, 0, 1}, {2026, 13, 1}, {2026, 1, 0}})
    CHECK_FALSE(exists(wrong));
}

TEST_CASE("civil: RFC 3339") {
  Rfc3339 micro;
  Rfc3339 nano(Rfc3339::Fraction::nanoseconds);
  CHECK(micro.text(wall_from_ns(0)) == "1970-01-01T00:00:00.000000Z");
  CHECK(micro.text(wall_from_ns(-1)) == "1969-12-31T23:59:59.999999Z");
  CHECK(micro.text(wall_from_ns(1'795'347'738'123'456'789)) == "2026-11-22T11:42:18.123456Z");
  CHECK(nano.text(wall_from_ns(1'795'347'738'123'456'789)) == "2026-11-22T11:42:18.123456789Z");
  CHECK(nano.text(wall_from_ns(951'827'696'000'000'007)) == "2000-02-29T12:34:56.000000007Z");
  CHECK(nano.text(wall_from_ns(INT64_MAX)) == "2262-04-11T23:47:16.854775807Z");
  CHECK(nano.text(wall_from_ns(INT64_MIN)) == "1677-09-21T00:12:43.145224192Z");
}

TEST_CASE("civil: what is kept of the last text never shows in the next") {
  std::mt19937_64 random(11);
  Rfc3339 writer(Rfc3339::Fraction::nanoseconds);
  std::int64_t now = 1'795'347'738'000'000'000;
  for (int round = 0; round < 20'000; ++round) {
    const std::int64_t reach[] = {1'000'000'000, 100'000'000'000, 200'000'000'000'000,
                                  40'000'000'000'000'000};
    const std::int64_t limit = reach[random() % 4];
    now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * limit)) - limit;
    now = std::abs(now);
    Text<64> expected;
    write_time_pattern("%Y-%m-%dT%H:%M:%S.", wall_from_ns(now), expected);
    const std::string fraction = std::to_string(1'000'000'000 + now % 1'000'000'000).substr(1);
    expected << fraction << 'Z';
    REQUIRE(writer.text(wall_from_ns(now)) == expected.text());
  }
}

TEST_CASE("civil: path templates") {
  for (const char* right : {"", "plain", "%Y-%m-%d/%H%M%S.%j", "100%%", "%%Y"})
    CHECK_MESSAGE(check_time_pattern(right).ok(), right);
  for (const char* wrong : {"%", "a%", "%y", "%%%", "% Y", "%5Y", "%\xff"})
    CHECK_MESSAGE(check_time_pattern(wrong).error() == Error::malformed, wrong);
  Text<64> out;
  write_time_pattern("/logs/%Y/%j/%m-%d_%H%M%S_%%.log", wall_from_ns(1'709'251'199'000'000'000),
                     out);
  CHECK(out.text() == "/logs/2024/060/02-29_235959_%.log");
  Text<64> last_day;
  write_time_pattern("%j %Y", wall_from_ns(1'735'689'599'000'000'000), last_day);
  CHECK(last_day.text() == "366 2024");
  Text<4> small;
  write_time_pattern("%Y%m", wall_from_ns(0), small);
  CHECK(small.cut());
}
