// Goal: in no 24 hours is more spent than the limit, whatever is asked for; syncs stretch before
// writing stops; what an earlier process spent counts. Method: virtual days of greedy writers.
#include "channels/journal/write_budget.hpp"

#include <deque>
#include <utility>

#include <doctest/doctest.h>

#include "channels/journal/journal.hpp"

using namespace runnel;
using channels::journal::WriteBudget;

namespace {

constexpr Instant start = instant_from_ns(1'000'000'000);

}  // namespace

TEST_CASE("write budget: without a limit everything is allowed and nothing is put off") {
  WriteBudget budget(0);
  budget.begin(1u << 30, 0s, start);
  budget.spend(std::uint64_t{1} << 40, start);
  CHECK_FALSE(budget.limited());
  CHECK(budget.spent(start) == 0);
  CHECK(budget.allows(std::uint64_t{1} << 40, start) == start);
  CHECK(budget.stretch(start) == Duration::zero());
}

TEST_CASE("write budget: whoever takes all that he gets stays below the limit in any 24 hours") {
  constexpr std::uint64_t limit = 10'000'000, piece = 40'000;
  WriteBudget budget(limit);
  std::deque<std::pair<Instant, std::uint64_t>> day;
  std::uint64_t in_a_day = 0, most = 0, all = 0;
  for (Instant now = start; now < start + 96h;) {
    const Instant allowed = budget.allows(piece, now);
    if (allowed > now) {
      // Invariant: then it is really allowed, and was not a moment earlier.
      CHECK(budget.allows(piece, allowed) == allowed);
      CHECK(budget.allows(piece, allowed - 2s) > allowed - 2s);
      now = allowed;
      continue;
    }
    budget.spend(piece, now);
    day.emplace_back(now, piece);
    in_a_day += piece;
    all += piece;
    while (day.front().first + 24h <= now) {
      in_a_day -= day.front().second;
      day.pop_front();
    }
    most = std::max(most, in_a_day);
    now += 1s;
  }
  CHECK(most <= limit);
  CHECK(all > limit * 3);  // of four days: little of what is allowed is given away
}

TEST_CASE(
    "write budget: syncs are put off when half of the bucket is spent, at most to the bound") {
  WriteBudget budget(4'000'000);
  CHECK(budget.burst() == 1'000'000);
  budget.spend(500'000, start);
  CHECK(budget.stretch(start) == Duration::zero());
  budget.spend(250'000, start);
  CHECK(budget.stretch(start) == WriteBudget::stretch_longest / 4);
  CHECK(budget.allows(250'000, start) == start);
  CHECK(budget.allows(250'001, start) > start);
  budget.spend(2'000'000, start);  // overdrawn, as at a stop
  CHECK(budget.stretch(start) == WriteBudget::stretch_longest);
  CHECK(budget.spent(start) == 2'750'000);
  CHECK(budget.spent(start + 24h) == 0);
  CHECK(budget.stretch(start + 24h) == Duration::zero());
}

TEST_CASE("write budget: a restart goes on where the process before was") {
  WriteBudget budget(4'000'000);
  budget.begin(900'000, 0s, start);
  CHECK(budget.spent(start) == 900'000);
  budget.begin(900'000, 4h, start);  // 500,000 made up for
  CHECK(budget.spent(start) == 400'000);
  budget.begin(900'000, 24h * 365, start);
  CHECK(budget.spent(start) == 0);
  budget.begin(900'000, -24h, start);  // the clock was set back
  CHECK(budget.spent(start) == 900'000);
  budget.begin(UINT64_MAX, 0s, start);  // no page of ours says so
  CHECK(budget.spent(start) == 8'000'000);
}

TEST_CASE("write budget: more than the bucket holds waits for all of it, and not for ever") {
  WriteBudget budget(400);
  CHECK(budget.allows(1'000'000, start) == start);
  budget.spend(100, start);
  const Instant allowed = budget.allows(1'000'000, start);
  CHECK(allowed > start + 7h);
  CHECK(allowed < start + 9h);
}

TEST_CASE(
    "write budget: a limit that no block would fit into is refused, and the smallest is named") {
  const auto planned = [](std::uint64_t limit) {
    pipeline::OptionValues values;
    values.set("path", std::string("/spool/main.journal"));
    values.set("max_bytes_written_per_day", limit);
    pipeline::fill_standard(channels::journal_type.options, values);
    return channels::journal_type.plan(values);
  };
  CHECK(planned(0).has_value());
  CHECK(planned(2240 * 1024).has_value());
  const auto refused = planned(2240 * 1024 - 1);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().option == "max_bytes_written_per_day");
  CHECK(refused.error().text.find("less than 2240KiB") != std::string::npos);
}
