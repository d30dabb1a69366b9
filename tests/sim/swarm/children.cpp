#include "tests/sim/swarm/children.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"

namespace runnel::swarm {
namespace {

// A seed takes some milliseconds; under a sanitizer some hundred.
constexpr unsigned seconds_max_each = 60;

struct Shared {
  std::uint64_t seed = 0;
  Verdict verdict = Verdict::kept;
  char text[2000] = {};
  Totals totals;
  void say(const char* what, std::size_t size) {
    size = std::min(size, sizeof(text) - 1);
    std::memcpy(text, what, size);
    text[size] = '\0';
  }
};

Shared* shared = nullptr;

void assertion_seen(const char* expression, const char* file, int line) {
  const Text<1500> text("assertion failed: ", expression, " (", file, ":", line, ")");
  shared->verdict = Verdict::assertion;
  shared->say(text.text().data(), text.size());
}

void run_all(std::uint64_t first, std::uint64_t last, const RunRequest& request) {
  assertion_report = assertion_seen;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    shared->seed = seed;
    alarm(seconds_max_each);
    Outcome outcome = run_seed(seed, request.selection, request.log);
    if (request.twice && outcome.violation.verdict == Verdict::kept) {
      const Outcome again = run_seed(seed, request.selection, false);
      if (again.trace_hash != outcome.trace_hash)
        outcome.violation = {Verdict::not_the_same,
                             concat("two runs of this seed have the trace hashes ",
                                    outcome.trace_hash, " and ", again.trace_hash)};
    }
    shared->totals.add(outcome);
    if (first == last && !request.quiet) {
      std::printf(
          "seed %llu: trace %016llx, %llu lives, %llu operations, %llu faults, %llu events, "
          "%llu ms of virtual time\n",
          static_cast<unsigned long long>(seed),
          static_cast<unsigned long long>(outcome.trace_hash),
          static_cast<unsigned long long>(outcome.lives),
          static_cast<unsigned long long>(outcome.operations),
          static_cast<unsigned long long>(outcome.faults),
          static_cast<unsigned long long>(outcome.events),
          static_cast<unsigned long long>(outcome.virtual_ms));
      std::fflush(stdout);
    }
    if (outcome.violation.verdict == Verdict::kept) continue;
    shared->verdict = outcome.violation.verdict;
    shared->say(outcome.violation.text.data(), outcome.violation.text.size());
    break;
  }
  std::copy(std::begin(mark_counts), std::end(mark_counts), shared->totals.marks);
}

std::string how_it_died(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return concat("it ran for more than ", seconds_max_each, " s of real time");
  if (WIFSIGNALED(status)) return concat("it died of signal ", WTERMSIG(status));
  return concat("it ended with exit code ", WEXITSTATUS(status));
}

}  // namespace

void Totals::add(const Outcome& outcome) {
  ++seeds;
  operations += outcome.operations;
  operations_least = std::min(operations_least, outcome.operations);
  faults += outcome.faults;
  faults_least = std::min(faults_least, outcome.faults);
  lives += outcome.lives;
  events += outcome.events;
  virtual_ms += outcome.virtual_ms;
}

namespace {

void add_all(Totals& totals, const Totals& more) {
  totals.seeds += more.seeds;
  totals.operations += more.operations;
  totals.operations_least = std::min(totals.operations_least, more.operations_least);
  totals.faults += more.faults;
  totals.faults_least = std::min(totals.faults_least, more.faults_least);
  totals.lives += more.lives;
  totals.events += more.events;
  totals.virtual_ms += more.virtual_ms;
  for (std::size_t index = 0; index < mark_count; ++index) totals.marks[index] += more.marks[index];
}

}  // namespace

std::optional<FailedSeed> run_in_child(std::uint64_t first, std::uint64_t last,
                                       const RunRequest& request, Totals& totals) {
  if (shared == nullptr) {
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    shared = static_cast<Shared*>(memory);
  }
  new (shared) Shared();
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    run_all(first, last, request);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
  add_all(totals, shared->totals);
  FailedSeed failure{shared->seed, shared->verdict, shared->text};
  const bool died = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  if (died && failure.verdict == Verdict::kept) {
    failure.verdict = Verdict::assertion;
    failure.text = how_it_died(status);
  }
  if (failure.verdict == Verdict::kept) return std::nullopt;
  return failure;
}

}  // namespace runnel::swarm
