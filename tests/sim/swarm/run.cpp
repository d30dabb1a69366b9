#include "tests/sim/swarm/run.hpp"

#include <algorithm>

#include "base/mark.hpp"
#include "base/text.hpp"
#include "tests/sim/swarm/custody.hpp"
#include "tests/sim/swarm/ending.hpp"
#include "tests/sim/swarm/faults.hpp"
#include "tests/sim/swarm/life.hpp"
#include "tests/sim/swarm/peers.hpp"
#include "tests/sim/swarm/run_log.hpp"
#include "tests/sim/swarm/sync_promise.hpp"

namespace runnel::swarm {
namespace {

constexpr Duration calm_traffic = 800ms;
constexpr Duration more_traffic = 500ms;
constexpr Duration traffic_longest = 400s;
// After the last event: unreadable files are tried again after a minute, a failed sync after 30 s.
constexpr Duration rest_longest = 150s;
constexpr Duration look_interval = 250ms;
constexpr int undrained_max = 4;
constexpr std::uint64_t turns_max = 3'000'000;

class Run {
 public:
  Run(std::uint64_t seed, const Selection& selection, bool log);
  Outcome outcome();

 private:
  bool failed() const { return checker_.violation().verdict != Verdict::kept; }
  void live();
  void configure();
  Torn drive(Life& life);
  Instant next_stop() const;
  void begin_faults(bool up);
  void look_around(Life& life);
  void begin_calm();
  void look_for_the_end(Life& life);
  LifeFacts facts_of(const Life& life) const;
  void lose(Life& life, Torn how);
  void end_in_order(Life& life);
  bool were_at_work(const Life& life) const;
  void stay_down(Duration length);
  void say(const std::string& line) const {
    if (log_) log_->say(line);
  }

  Selection selection_;
  Scenario scenario_;
  sim::SimWorld world_;
  sim::SimMachine& machine_;
  std::optional<RunLog> log_;
  std::uint32_t life_ = 0;
  bool calm_ = false;
  SenderMachine senders_;
  Ledger ledger_;
  LogFiles logs_;
  Custody custody_;
  Checker checker_;
  Weather weather_;
  agent::Settings settings_;
  agent::MeasuredParts measured_;
  Peers peers_;

  std::size_t next_fault_ = 0;
  std::vector<Fault> ends_waiting_;  // ends that came while the process was down
  Instant storm_end_;
  Instant traffic_end_;
  Instant next_look_ = never;
  bool done_ = false;
  bool stopped_in_calm_ = false;
  int undrained_ = 0;
  std::uint64_t turns_ = 0;
  Outcome outcome_;

  // Of the life at hand.
  Ending ending_;
  SyncPromise sync_promise_;
  Instant begun_;
  bool disk_failed_ = false;
  bool looked_at_start_ = false;
  std::uint64_t rewound_before_ = 0;
};

agent::Settings read(const std::string& text) {
  auto settings = agent::read_settings(text, "swarm.toml", agent::components(),
                                       [](const std::string&) { return std::nullopt; });
  if (!settings) std::fprintf(stderr, "%s\n%s", settings.error().text.c_str(), text.c_str());
  RUNNEL_ASSERT(settings.has_value());
  return std::move(*settings);
}

std::uint64_t given_up() {
  return mark_counts[static_cast<std::size_t>(Seldom::file_given_up_after_sync)];
}

Run::Run(std::uint64_t seed, const Selection& selection, bool log)
    : selection_(selection),
      scenario_(draw(seed, selection)),
      world_(seed, scenario_.options),
      machine_(world_.machine()),
      senders_(world_.add_machine("senders")),
      custody_(scenario_, ledger_),
      checker_(scenario_, ledger_, logs_, machine_, custody_),
      weather_(world_, scenario_, senders_),
      settings_(read(scenario_.configuration)),
      measured_(agent::measure(settings_, machine_.facts().page_bytes)),
      peers_(scenario_, selection_, {world_, senders_, ledger_, logs_, life_, calm_}),
      storm_end_(after(world_.now(), scenario_.storm)),
      ending_(world_, scenario_),
      sync_promise_(scenario_) {
  if (log) log_.emplace(world_);
}

Outcome Run::outcome() {
  peers_.work_until(storm_end_);
  while (!done_ && !failed()) {
    live();
    if (!done_ && !failed()) stay_down(ending_.down_for());
  }
  outcome_.violation = checker_.violation();
  if (log_ && failed()) std::fprintf(stderr, "%s", checker_.files_text().c_str());
  outcome_.trace_hash = world_.trace_hash();
  outcome_.lives = life_;
  outcome_.events = checker_.delivered();
  outcome_.virtual_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(world_.now().time_since_epoch())
          .count());
  return outcome_;
}

// --- a life --------------------------------------------------------------------------------------

// Each life makes events of its own size, so that they are told apart in what a journal keeps.
void Run::configure() {
  custody_.life_begins(life_);
  bool differs = false;
  for (std::size_t index = 0; index < scenario_.sources.size(); ++index) {
    const SourceScenario& source = scenario_.sources[index];
    if (source.kind != SourceKind::generate || !scenario_.feeds_journal(source)) continue;
    ledger_.add_generated(index, source.body_bytes + life_ - 1);
    differs = life_ > 1;
  }
  if (!differs) return;
  settings_ = read(scenario_.configuration_of(life_));
  measured_ = agent::measure(settings_, machine_.facts().page_bytes);
}

void Run::live() {
  ++life_;
  ending_.clear();
  sync_promise_.forget();
  disk_failed_ = weather_.errors_now();
  rewound_before_ = given_up();
  looked_at_start_ = false;
  begun_ = world_.now();
  if (calm_) next_look_ = after(world_.now(), look_interval);
  checker_.excuse_unknown_rotations();
  say(concat("--- life ", life_));
  configure();
  Life life(machine_, settings_, measured_);
  const Torn torn = life.begin() ? drive(life) : Torn::no;
  outcome_.operations += life.reactor().simulated().operations_completed();
  if (failed()) {
    machine_.kill();
    return life.bury();
  }
  // Invariant: who is neither torn away nor has failed has ended by itself.
  RUNNEL_ASSERT(torn != Torn::no || !life.running());
  if (torn != Torn::no) {
    lose(life, torn);
  } else if (life.abandoned()) {
    lose(life, Torn::by_kill);
  } else {
    end_in_order(life);
  }
  if (life.allocations_after_start() > 0)
    checker_.report(Verdict::allocation, concat(life.allocations_after_start(),
                                                " allocations after the start, in life ", life_));
}

// Until it ends by itself, is torn away, or has failed.
Torn Run::drive(Life& life) {
  life.reactor().on_submit = [this](const io::Operation& operation) {
    ending_.submitted(operation);
  };
  while (life.running()) {
    begin_faults(true);
    look_around(life);
    if (failed()) return Torn::no;
    if (const Torn torn = ending_.due(); torn != Torn::no) return torn;
    const Instant pause = next_stop();
    world_.pause_at(pause);
    life.turn(pause);
    if (senders_.wants_poll()) senders_.poll(never);
    if (++turns_ > turns_max)
      checker_.report(Verdict::stuck, concat("turned ", turns_max, " times and goes on"));
  }
  return Torn::no;
}

// The nearest instant at which the run itself has something to do.
Instant Run::next_stop() const {
  Instant next = std::min(ending_.next(), next_look_);
  if (next_fault_ < scenario_.faults.size())
    next = std::min(next, scenario_.faults[next_fault_].at);
  if (!calm_ && world_.now() < storm_end_) next = std::min(next, storm_end_);
  return next;
}

void Run::begin_faults(bool up) {
  const auto& faults = scenario_.faults;
  while (next_fault_ < faults.size() && faults[next_fault_].at <= world_.now()) {
    const Fault& fault = faults[next_fault_++];
    if (!selection_.keeps_fault(next_fault_ - 1)) continue;
    if (ends_the_process(fault.kind)) {
      ends_waiting_.push_back(fault);
      continue;
    }
    say(concat("fault ", next_fault_ - 1, ": ", name_of(fault.kind)));
    ++outcome_.faults;
    weather_.begin(fault);
    if (makes_errors(fault.kind)) disk_failed_ = true;
  }
  if (!up || ending_.planned() || ends_waiting_.empty()) return;
  // A moment after the start, or while it starts.
  const Fault fault = ends_waiting_.front();
  ends_waiting_.erase(ends_waiting_.begin());
  say(concat("fault: ", name_of(fault.kind)));
  ++outcome_.faults;
  ending_.plan(fault);
}

void Run::look_around(Life& life) {
  sync_promise_.note(world_.now(), life);
  custody_.note(world_.now(), life, checker_);
  // What was rotated while it started, too.
  if (!looked_at_start_ && life.started()) {
    looked_at_start_ = true;
    ledger_.era = 2 * life_ - 1;
    checker_.excuse_unknown_rotations();
  }
  if (ending_.too_late())
    checker_.report(Verdict::stop_too_late,
                    concat("a stop has not ended in its time, in life ", life_));
  ending_.signal_again();
  if (world_.stalled()) checker_.report(Verdict::stuck, "everybody waits, and nothing is to come");
  if (world_.now() >= storm_end_) {
    // An end that has waited for an operation all the time comes without it.
    ending_.wait_no_longer();
    if (!calm_ && ends_waiting_.empty() && !ending_.planned()) begin_calm();
  }
  if (calm_ && world_.now() >= next_look_ && !ending_.stopping()) look_for_the_end(life);
}

void Run::begin_calm() {
  say("the faults have ended");
  calm_ = true;
  weather_.clear();
  traffic_end_ = after(world_.now(), calm_traffic);
  peers_.work_until(traffic_end_);
  next_look_ = traffic_end_;
}

// In the calm: everything that is due has to arrive, then the agent is stopped.
void Run::look_for_the_end(Life& life) {
  const Instant now = world_.now();
  next_look_ = after(now, look_interval);
  const bool enough =
      outcome_.operations + life.reactor().simulated().operations_completed() >= operations_min;
  if (!enough && now < after(storm_end_, traffic_longest)) {
    traffic_end_ = after(now, more_traffic);
    peers_.work_until(traffic_end_);
    return;
  }
  const bool too_long = now > after(std::max(traffic_end_, begun_), rest_longest);
  if (peers_.resting() && checker_.complete(facts_of(life))) {
    next_look_ = never;
    say("everything has arrived");
    ending_.stop();
  } else if (too_long) {
    checker_.check_complete();
    checker_.report(Verdict::stuck, "the senders do not get rid of what they have");
  }
}

// --- its end -------------------------------------------------------------------------------------

LifeFacts Run::facts_of(const Life& life) const {
  LifeFacts facts;
  facts.life = life_;
  facts.rewound = given_up() != rewound_before_;
  facts.disk_failed = disk_failed_;
  life.read_counters(facts);
  for (std::size_t source = 0; source < facts.sources.size(); ++source)
    facts.tail_failed |=
        scenario_.sources[source].kind == SourceKind::tail && facts.sources[source].errors > 0;
  return facts;
}

void Run::lose(Life& life, Torn how) {
  const LifeFacts facts = facts_of(life);
  custody_.life_ended(world_.now(), life, how, false, !disk_failed_, checker_);
  if (how == Torn::by_power_loss) {
    say("power loss");
    checker_.life_ended(facts);
    machine_.power_loss();
    checker_.power_was_lost(life_);
    if (!facts.rewound && !facts.disk_failed) sync_promise_.check(world_.now(), life_, checker_);
  } else {
    say("kill");
    machine_.kill();
    checker_.life_ended(facts);
  }
  checker_.check_checkpoints(how == Torn::by_power_loss);
  life.bury();
}

void Run::end_in_order(Life& life) {
  LifeFacts facts = facts_of(life);
  facts.in_order = life.started() && life.exit_code() == 0;
  say(concat("ended with exit code ", life.exit_code()));
  if (!life.started() && !disk_failed_)
    checker_.report(Verdict::start_failed, concat("life ", life_, " did not start"));
  // A short drain_timeout may be too short for a full ring; not again and again, unless more comes
  // in than the disk takes: then it was at work to the last.
  const bool undrained =
      calm_ && ending_.stopping() && life.exit_code() != 0 && ++undrained_ > undrained_max;
  if (undrained && !were_at_work(life))
    checker_.report(Verdict::stuck, concat("the last stop, without any fault, ended ", undrained_,
                                           " times with exit code ", life.exit_code()));
  custody_.life_ended(world_.now(), life, Torn::no, facts.in_order, !disk_failed_, checker_);
  life.take_apart(checker_);
  checker_.life_ended(facts);
  checker_.check_checkpoints(false);
  done_ = undrained;
  if (calm_ && facts.in_order) {
    checker_.check_complete();
    // What a journal has kept at this stop comes in one more life.
    done_ = !scenario_.has_journals() || std::exchange(stopped_in_calm_, true);
  }
}

// Every sink that has something left has got on while it could. What a journal keeps is not waited
// for.
bool Run::were_at_work(const Life& life) const {
  const Instant before = world_.now() - scenario_.drain_timeout;
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink) {
    const pipeline::Channel* channel = life.channel(scenario_.sinks[sink].channel);
    if (channel == nullptr) return false;
    if (scenario_.is_journal(scenario_.sinks[sink].channel)) continue;
    const bool has_all = life.watermark(sink) == channel->head();
    if (!has_all && sync_promise_.sent_until(before, sink) == life.sent_events(sink)) return false;
  }
  return true;
}

// The machine without the agent.
void Run::stay_down(Duration length) {
  ledger_.era = 2 * life_;
  const Instant end = after(world_.now(), length);
  while (world_.now() < end) {
    world_.pause_at(never);
    begin_faults(false);
    Instant until = end;
    if (next_fault_ < scenario_.faults.size())
      until = std::min(until, scenario_.faults[next_fault_].at);
    senders_.poll(until);
  }
}

}  // namespace

Outcome run_seed(std::uint64_t seed, const Selection& selection, bool log) {
  Run run(seed, selection, log);
  return run.outcome();
}

}  // namespace runnel::swarm
