// Many small worlds, each from one seed: the whole agent among peers, faults and crashes, judged by
// a checker that knows every event. docs/simulator.md says how to use it.
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/canary.hpp"
#include "base/text.hpp"
#include "tests/sim/swarm/shrinker.hpp"

namespace {

using namespace runnel;
using namespace runnel::swarm;

constexpr const char* usage =
    "runnel_swarm --seed N | --seeds FROM-TO | --count N [--from N]\n"
    "  --only-faults 3,7  --only-peers 0  --without shuffle,...   what is left of a scenario\n"
    "  --twice            each seed two times: the trace has to be the same\n"
    "  --marks            fail when a coverage mark was never passed (for 500 seeds and more)\n"
    "  --canary NAME      let a deliberate mistake loose; success is to catch it\n"
    "  --canaries         their names\n"
    "  --keep-going       print failures and go on; --no-shrink: as they are\n"
    "  --log              what the agent logs, and every fault (with --seed)\n"
    "  --scenario         print what the seed draws, run nothing\n";

struct Options {
  std::uint64_t first = 1, last = 1000;
  RunRequest request;
  bool marks = false, keep_going = false, shrinks = true, scenario = false;
  Canary canary = Canary::none;
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "runnel_swarm: %s\n%s", why.c_str(), usage);
  std::exit(64);
}

std::uint64_t number(std::string_view text) {
  const auto parsed = parse_number(text);
  if (!parsed) refuse(concat("not a number: ", text));
  return *parsed;
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

std::vector<std::size_t> numbers(std::string_view text) {
  std::vector<std::size_t> all;
  if (text == "none") return all;
  for (const std::string_view part : parts_of(text)) all.push_back(number(part));
  return all;
}

Canary canary_named(std::string_view name) {
  for (std::size_t index = 1; index < std::size(canary_names); ++index)
    if (name == canary_names[index]) return static_cast<Canary>(index);
  refuse(concat("no canary is called ", name));
}

Options parse(int count, char** arguments) {
  Options options;
  std::uint64_t seeds = 0;
  for (int index = 1; index < count; ++index) {
    const std::string_view name = arguments[index];
    const auto value = [&]() -> std::string_view {
      if (++index == count) refuse(concat(name, " wants a value"));
      return arguments[index];
    };
    if (name == "--seed") {
      options.first = options.last = number(value());
    } else if (name == "--seeds") {
      const std::string_view range = value();
      const auto dash = range.find('-');
      if (dash == std::string_view::npos) refuse("--seeds wants FROM-TO");
      options.first = number(range.substr(0, dash));
      options.last = number(range.substr(dash + 1));
    } else if (name == "--count") {
      seeds = number(value());
    } else if (name == "--from") {
      options.first = number(value());
    } else if (name == "--only-faults") {
      options.request.selection.faults = numbers(value());
    } else if (name == "--only-peers") {
      options.request.selection.peers = numbers(value());
    } else if (name == "--without") {
      for (const std::string_view part : parts_of(value()))
        options.request.selection.without.emplace_back(part);
    } else if (name == "--canary") {
      options.canary = canary_named(value());
    } else if (name == "--canaries") {
      for (std::size_t each = 1; each < std::size(canary_names); ++each)
        std::printf("%s\n", canary_names[each]);
      std::exit(0);
    } else if (name == "--twice") {
      options.request.twice = true;
    } else if (name == "--marks") {
      options.marks = true;
    } else if (name == "--keep-going") {
      options.keep_going = true;
    } else if (name == "--no-shrink") {
      options.shrinks = false;
    } else if (name == "--log") {
      options.request.log = true;
    } else if (name == "--scenario") {
      options.scenario = true;
    } else {
      refuse(concat("unknown option ", name));
    }
  }
  if (seeds > 0) options.last = options.first + seeds - 1;
  if (options.last < options.first) refuse("no seeds");
  return options;
}

void print_failure(const FailedSeed& failure, const Options& options) {
  std::printf("FAILED seed %llu: %s: %s\n", static_cast<unsigned long long>(failure.seed),
              name_of(failure.verdict), failure.text.c_str());
  if (!options.shrinks) return;
  const Selection small = shrink(failure, options.request.selection);
  Totals totals;
  const auto again =
      run_in_child(failure.seed, failure.seed, {.selection = small, .quiet = true}, totals);
  if (!again) return;
  const std::string faults = faults_text(draw(failure.seed, small), small);
  std::printf("shrunk to: %s: %s\n%s", name_of(again->verdict), again->text.c_str(),
              faults.empty() ? "  no fault at all\n" : faults.c_str());
  const std::string canary =
      options.canary == Canary::none
          ? ""
          : concat(" --canary ", canary_names[static_cast<std::size_t>(options.canary)]);
  std::printf("again with: runnel_swarm %s%s --log\n", options_text(failure.seed, small).c_str(),
              canary.c_str());
}

bool print_totals(const Totals& totals, double seconds, const Options& options) {
  if (totals.seeds == 0) return true;
  const auto mean = [&](std::uint64_t sum) {
    return static_cast<double>(sum) / static_cast<double>(totals.seeds);
  };
  std::printf(
      "%llu seeds in %.1f s, %.1f a second; operations %.0f each, %llu at least; faults "
      "%.1f each, %llu at least; lives %.1f, events %.0f, virtual time %.1f s\n",
      static_cast<unsigned long long>(totals.seeds), seconds,
      static_cast<double>(totals.seeds) / seconds, mean(totals.operations),
      static_cast<unsigned long long>(totals.operations_least), mean(totals.faults),
      static_cast<unsigned long long>(totals.faults_least), mean(totals.lives), mean(totals.events),
      mean(totals.virtual_ms) / 1000);
  static constexpr const char* names[] = {
#define RUNNEL_MARK_NAME(name) #name,
      RUNNEL_MARKS(RUNNEL_MARK_NAME)
#undef RUNNEL_MARK_NAME
  };
  bool all = true;
  std::string text;
  for (std::size_t index = 0; index < mark_count; ++index) {
    text += concat(" ", names[index], " ", totals.marks[index]);
    if (totals.marks[index] > 0 || !options.marks) continue;
    std::printf("FAILED mark %s was never passed\n", names[index]);
    all = false;
  }
  std::printf("marks:%s\n", text.c_str());
  return all;
}

int run(const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  Totals totals;
  std::uint64_t failures = 0;
  std::uint64_t next = options.first;
  while (next <= options.last) {
    const auto failure = run_in_child(next, options.last, options.request, totals);
    if (!failure) break;
    ++failures;
    print_failure(*failure, options);
    if (!options.keep_going || options.canary != Canary::none) break;
    next = failure->seed + 1;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  if (options.canary != Canary::none) {
    const char* name = canary_names[static_cast<std::size_t>(options.canary)];
    if (failures == 0)
      std::printf("NOT CAUGHT: canary %s lives in %llu seeds\n", name,
                  static_cast<unsigned long long>(options.last - options.first + 1));
    else
      std::printf("caught: canary %s\n", name);
    return failures > 0 ? 0 : 1;
  }
  const bool whole = !options.request.selection.faults && !options.request.selection.peers;
  const bool marks_passed = print_totals(totals, seconds, options);
  const bool enough =
      !whole || totals.seeds == 0 ||
      (totals.operations_least >= operations_min && totals.faults_least >= faults_min);
  if (!enough && failures == 0)
    std::printf("FAILED a seed came to less than %llu operations or %llu faults\n",
                static_cast<unsigned long long>(operations_min),
                static_cast<unsigned long long>(faults_min));
  return failures == 0 && marks_passed && enough ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  std::string given;
  for (int index = 1; index < count; ++index)
    given += concat(" ", std::string_view(arguments[index]));
  std::printf("runnel_swarm seeds %llu to %llu, options:%s\n",
              static_cast<unsigned long long>(options.first),
              static_cast<unsigned long long>(options.last),
              given.empty() ? " none" : given.c_str());
  std::fflush(stdout);
  canary_at_large = options.canary;
  if (options.scenario) {
    const Scenario scenario = draw(options.first, options.request.selection);
    std::printf("%s%s", scenario.text().c_str(),
                faults_text(scenario, options.request.selection).c_str());
    return 0;
  }
  return run(options);
}
