// Goal: what a link has carried is read as it was written, and a file with a byte changed or cut
// off anywhere is not taken for another count.
#include "agent/link_ledger.hpp"

#include <doctest/doctest.h>

using namespace runnel;
using namespace runnel::agent;

TEST_CASE("link ledger: its text, and what is wrong with it") {
  Text<128> text;
  LinkLedger::write(text, {2026 * 12 + 10, 123456789});
  CHECK(text.text().starts_with("runnel link 1\nmonth 24322\nbytes 123456789\nsum "));
  const auto count = LinkLedger::parse(text.text());
  REQUIRE(count);
  CHECK(count->month == 24322);
  CHECK(count->bytes == 123456789);

  const std::string whole(text.text());
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(LinkLedger::parse(whole.substr(0, length)));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    CHECK_FALSE(LinkLedger::parse(damaged));
  }
  CHECK_FALSE(LinkLedger::parse(whole + "more\n"));
}
