#include "tests/sim/swarm/shrinker.hpp"

#include <algorithm>
#include <numeric>

#include "base/text.hpp"

namespace runnel::swarm {
namespace {

bool still_fails(const FailedSeed& failure, const Selection& selection) {
  Totals totals;
  const auto again =
      run_in_child(failure.seed, failure.seed, {.selection = selection, .quiet = true}, totals);
  return again && again->verdict == failure.verdict;
}

// Delta debugging over one list: `put` writes a part of it into the selection.
template <class T, class Put>
std::vector<T> reduce(std::vector<T> items, const FailedSeed& failure, Selection& selection,
                      Put put) {
  std::size_t chunk = std::max<std::size_t>(items.size() / 2, 1);
  while (!items.empty()) {
    bool smaller = false;
    for (std::size_t from = 0; from < items.size();) {
      std::vector<T> rest = items;
      const auto begin = rest.begin() + static_cast<std::ptrdiff_t>(from);
      rest.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(chunk, rest.size() - from)));
      Selection tried = selection;
      put(tried, rest);
      if (still_fails(failure, tried)) {
        items = std::move(rest);
        selection = std::move(tried);
        smaller = true;
      } else {
        from += chunk;
      }
    }
    if (chunk == 1 && !smaller) break;
    chunk = std::max<std::size_t>(chunk / 2, 1);
  }
  return items;
}

std::vector<std::size_t> all_of(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::string joined(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (const std::size_t each : numbers) text += concat(text.empty() ? "" : ",", each);
  return text.empty() ? "none" : text;
}

}  // namespace

Selection shrink(const FailedSeed& failure, const Selection& from) {
  Selection selection = from;
  const Scenario scenario = draw(failure.seed, selection);
  (void)reduce(selection.faults.value_or(all_of(scenario.faults.size())), failure, selection,
               [](Selection& into, const auto& left) { into.faults = left; });
  (void)reduce(selection.peers.value_or(all_of(scenario.peers.size())), failure, selection,
               [](Selection& into, const auto& left) { into.peers = left; });
  for (const char* trait : traits) {
    if (!selection.keeps_trait(trait)) continue;
    Selection tried = selection;
    tried.without.emplace_back(trait);
    if (still_fails(failure, tried)) selection = std::move(tried);
  }
  return selection;
}

std::string options_text(std::uint64_t seed, const Selection& selection) {
  std::string text = concat("--seed ", seed);
  if (selection.faults) text += " --only-faults " + joined(*selection.faults);
  if (selection.peers) text += " --only-peers " + joined(*selection.peers);
  std::string traits_left_out;
  for (const std::string& each : selection.without)
    traits_left_out += (traits_left_out.empty() ? "" : ",") + each;
  if (!traits_left_out.empty()) text += " --without " + traits_left_out;
  return text;
}

std::string faults_text(const Scenario& scenario, const Selection& selection) {
  std::string text;
  for (std::size_t index = 0; index < scenario.faults.size(); ++index) {
    if (!selection.keeps_fault(index)) continue;
    const Fault& fault = scenario.faults[index];
    text += concat("  fault ", index, ": ", name_of(fault.kind), " at ",
                   fault.at.time_since_epoch().count() / 1'000'000, " ms, length ",
                   fault.length.count() / 1'000'000, " ms\n");
  }
  return text;
}

}  // namespace runnel::swarm
