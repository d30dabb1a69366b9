#include "tests/sim/swarm/run.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/log.hpp"
#include "base/mark.hpp"
#include "base/text.hpp"
#include "tests/sim/swarm/faults.hpp"
#include "tests/sim/swarm/life.hpp"

namespace runnel::swarm {
namespace {

constexpr Duration calm_traffic = 800ms;
constexpr Duration more_traffic = 500ms;
constexpr Duration traffic_longest = 400s;
// After the last event: unreadable files are tried again after a minute, a failed sync after 30 s.
constexpr Duration rest_longest = 150s;
constexpr Duration look_interval = 250ms;
constexpr Duration sample_interval = 5ms;
constexpr int undrained_max = 4;
constexpr std::uint64_t turns_max = 3'000'000;

// The agent's log, when somebody wants to read it.
class Log final : public LogOutput {
 public:
  explicit Log(const sim::SimWorld& world) : world_(world) { log_output = this; }
  ~Log() override { log_output = nullptr; }
  void write(Level level, std::string_view component, std::string_view text) override {
    const Outside outside;
    say(concat(name_of(level), " ", component, ": ", text));
  }
  void status(std::string_view) override {}
  void say(const std::string& line) const {
    const auto us = world_.now().time_since_epoch().count() / 1000;
    std::fprintf(stderr, "%9.3f ms  %s\n", static_cast<double>(us) / 1000, line.c_str());
  }

 private:
  const sim::SimWorld& world_;
};

class Run {
 public:
  Run(std::uint64_t seed, const Selection& selection, bool log);
  Outcome outcome();

 private:
  enum class End : std::uint8_t { none, kill, power_loss };
  struct Sample {
    Instant at;
    std::vector<std::uint64_t> sent;
  };

  bool failed() const { return checker_.violation().verdict != Verdict::kept; }
  void begin_peers(Instant until);
  bool peers_rest() const;
  void live();
  void drive(Life& life);
  void apply_faults(bool up);
  void end_by(const Fault& fault);
  void stop();
  Instant next_stop() const;
  void look_around(Life& life);
  void take_sample(const Life& life);
  void lose(Life& life, End how);
  void end_in_order(Life& life);
  LifeFacts facts_of(const Life& life) const;
  void check_promises(const std::vector<Sample>& samples);
  void stay_down(Duration length);
  void say(const std::string& line) const {
    if (log_) log_->say(line);
  }

  Selection selection_;
  Scenario scenario_;
  sim::SimWorld world_;
  sim::SimMachine& machine_;
  std::optional<Log> log_;
  SenderMachine senders_;
  Ledger ledger_;
  LogFiles logs_;
  Checker checker_;
  Weather weather_;
  agent::Settings settings_;
  agent::MeasuredParts measured_;
  std::vector<std::unique_ptr<LogWriter>> writers_;
  std::vector<std::unique_ptr<TcpSender>> tcp_senders_;
  std::vector<std::unique_ptr<UdpSender>> udp_senders_;

  std::size_t next_fault_ = 0;
  std::vector<Fault> ends_waiting_;  // ends that came while the process was down
  Instant storm_end_;
  bool calm_ = false;
  bool done_ = false;
  Instant traffic_end_;
  Instant next_look_ = never;
  Duration down_for_ = Duration::zero();

  std::uint32_t life_ = 0;
  End end_ = End::none;
  Instant end_at_ = never;
  std::optional<Fault> during_;  // an end that waits for its operation
  Instant stop_deadline_ = never;
  Instant second_signal_ = never;
  bool disk_failed_ = false;
  bool looked_at_start_ = false;
  int undrained_ = 0;
  std::uint64_t rewound_before_ = 0;
  std::vector<Sample> samples_;
  std::uint64_t turns_ = 0;
  Outcome outcome_;
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
      checker_(scenario_, ledger_, logs_, machine_),
      weather_(world_, scenario_, senders_),
      settings_(read(scenario_.configuration)),
      measured_(agent::measure(settings_, machine_.facts().page_bytes)) {
  if (log) log_.emplace(world_);
  RUNNEL_ASSERT(machine_.files().make_folders("/var/log").ok());
  for (std::size_t index = 0; index < scenario_.peers.size(); ++index) {
    if (!selection_.keeps_peer(index)) continue;
    const PeerScenario& peer = scenario_.peers[index];
    const SourceScenario& source = scenario_.sources[peer.source];
    const SenderContext context{world_, senders_, ledger_, peer,
                                source, life_,    calm_,   scenario_.long_events};
    switch (peer.kind) {
      case PeerKind::log_writer:
        writers_.push_back(std::make_unique<LogWriter>(
            world_, ledger_, logs_, peer, index, source.event_bytes_max, scenario_.long_events));
        break;
      case PeerKind::tcp_sender:
        tcp_senders_.push_back(std::make_unique<TcpSender>(context));
        break;
      case PeerKind::udp_sender:
        udp_senders_.push_back(std::make_unique<UdpSender>(context));
        break;
    }
  }
  storm_end_ = after(world_.now(), scenario_.storm);
}

void Run::begin_peers(Instant until) {
  for (auto& each : writers_) each->work_until(until);
  for (auto& each : tcp_senders_) each->work_until(until);
  for (auto& each : udp_senders_) each->work_until(until);
}

bool Run::peers_rest() const {
  const auto rests = [](const auto& each) { return each->resting(); };
  return std::all_of(writers_.begin(), writers_.end(), rests) &&
         std::all_of(tcp_senders_.begin(), tcp_senders_.end(), rests) &&
         std::all_of(udp_senders_.begin(), udp_senders_.end(), rests);
}

Outcome Run::outcome() {
  begin_peers(storm_end_);
  while (!done_ && !failed()) {
    live();
    if (!done_ && !failed()) stay_down(down_for_);
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

void Run::live() {
  ++life_;
  end_ = End::none;
  end_at_ = stop_deadline_ = second_signal_ = never;
  during_.reset();
  disk_failed_ = weather_.errors_now();
  rewound_before_ = given_up();
  samples_.clear();
  looked_at_start_ = false;
  if (calm_) next_look_ = after(world_.now(), look_interval);
  down_for_ = 100ms;
  checker_.excuse_unknown_rotations();
  say(concat("--- life ", life_));
  ledger_.era = 2 * life_ - 1;
  Life life(machine_, settings_, measured_);
  if (life.begin()) drive(life);
  outcome_.operations += life.reactor().simulated().operations_completed();
  if (failed()) {
    machine_.kill();
    return life.bury();
  }
  if (end_ != End::none) {
    lose(life, end_);
  } else if (life.running()) {
    RUNNEL_ASSERT(failed());
  } else if (life.abandoned()) {
    lose(life, End::kill);
  } else {
    end_in_order(life);
  }
  if (life.allocations_after_start() > 0)
    checker_.report(Verdict::allocation, concat(life.allocations_after_start(),
                                                " allocations after the start, in life ", life_));
}

void Run::drive(Life& life) {
  life.reactor().on_submit = [this](const io::Operation& operation) {
    if (!during_ || static_cast<io::Verb>(during_->verb) != operation.verb) return;
    end_ = during_->kind == FaultKind::kill_during ? End::kill : End::power_loss;
    down_for_ = during_->length;
    // Sometimes before it has begun, mostly while it is under way, sometimes a moment behind it.
    end_at_ = after(world_.now(), world_.fault_random().between({0ns, 3ms}));
    world_.pause_at(end_at_);
    during_.reset();
  };
  while (life.running()) {
    apply_faults(true);
    look_around(life);
    if (failed() || (end_ != End::none && world_.now() >= end_at_)) return;
    const Instant pause = next_stop();
    world_.pause_at(pause);
    life.turn(pause);
    if (senders_.wants_poll()) senders_.poll(never);
    if (++turns_ > turns_max)
      checker_.report(Verdict::stuck, concat("turned ", turns_max, " times and goes on"));
  }
  end_ = End::none;
}

// The nearest instant at which the run itself has something to do.
Instant Run::next_stop() const {
  Instant next = std::min({end_at_, stop_deadline_, second_signal_, next_look_});
  if (next_fault_ < scenario_.faults.size())
    next = std::min(next, scenario_.faults[next_fault_].at);
  if (!calm_ && world_.now() < storm_end_) next = std::min(next, storm_end_);
  return next;
}

void Run::apply_faults(bool up) {
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
  const bool ending = end_ != End::none || during_.has_value() || stop_deadline_ != never;
  if (!up || ending || ends_waiting_.empty()) return;
  // A moment after the start, or while it starts.
  const Fault fault = ends_waiting_.front();
  ends_waiting_.erase(ends_waiting_.begin());
  end_by(fault);
}

void Run::end_by(const Fault& fault) {
  say(concat("fault: ", name_of(fault.kind)));
  ++outcome_.faults;
  down_for_ = fault.length;
  switch (fault.kind) {
    case FaultKind::kill:
    case FaultKind::power_loss:
      end_ = fault.kind == FaultKind::kill ? End::kill : End::power_loss;
      end_at_ = after(world_.now(), fault.length / 8);
      return;
    case FaultKind::kill_during:
    case FaultKind::power_loss_during:
      during_ = fault;
      return;
    case FaultKind::stop_twice:
      second_signal_ = after(world_.now(), fault.length / 4);
      return stop();
    default:
      return stop();
  }
}

// The signal, and by when it has to have led to the end: the sources' grace, the drain, and what
// the disk may take for the last files and the checkpoint.
void Run::stop() {
  machine_.raise(io::Signal::stop);
  constexpr Duration source_grace = 2s + 1s;
  constexpr int last_syncs = 24, last_entries = 64;
  const Duration disk = last_syncs * scenario_.slowest_disk +
                        last_entries * scenario_.options.entry_latency.max + scenario_.slowest_disk;
  stop_deadline_ = after(world_.now(), source_grace + scenario_.drain_timeout + disk);
}

void Run::look_around(Life& life) {
  take_sample(life);
  // What was rotated while it started, too.
  if (!looked_at_start_ && life.started()) {
    looked_at_start_ = true;
    checker_.excuse_unknown_rotations();
  }
  const Instant now = world_.now();
  if (now >= stop_deadline_)
    checker_.report(Verdict::stop_too_late,
                    concat("a stop has not ended in its time, in life ", life_));
  if (now >= second_signal_) {
    second_signal_ = never;
    machine_.raise(io::Signal::stop);
  }
  if (world_.stalled()) checker_.report(Verdict::stuck, "everybody waits, and nothing is to come");
  // An end that has waited for an operation all the time comes without it.
  if (during_ && now >= storm_end_) {
    end_ = during_->kind == FaultKind::kill_during ? End::kill : End::power_loss;
    end_at_ = now;
    during_.reset();
  }
  if (!calm_ && now >= storm_end_ && ends_waiting_.empty() && !during_ && end_ == End::none &&
      stop_deadline_ == never) {
    say("the faults have ended");
    calm_ = true;
    weather_.clear();
    traffic_end_ = after(now, calm_traffic);
    begin_peers(traffic_end_);
    next_look_ = traffic_end_;
  }
  if (!calm_ || now < next_look_ || stop_deadline_ != never) return;
  next_look_ = after(now, look_interval);
  const bool enough =
      outcome_.operations + life.reactor().simulated().operations_completed() >= operations_min;
  if (!enough && now < after(storm_end_, traffic_longest)) {
    traffic_end_ = after(now, more_traffic);
    begin_peers(traffic_end_);
    return;
  }
  const bool too_long = now > after(traffic_end_, rest_longest);
  if (peers_rest() && checker_.complete(life_)) {
    next_look_ = never;
    say("everything has arrived");
    stop();
  } else if (too_long) {
    checker_.check_complete();
    checker_.report(Verdict::stuck, "the senders do not get rid of what they have");
  }
}

void Run::take_sample(const Life& life) {
  const Instant now = world_.now();
  if (!samples_.empty() && now < after(samples_.back().at, sample_interval)) return;
  Sample& sample = samples_.emplace_back();
  sample.at = now;
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink)
    sample.sent.push_back(life.sent_events(sink));
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

void Run::lose(Life& life, End how) {
  const LifeFacts facts = facts_of(life);
  if (how == End::power_loss) {
    say("power loss");
    checker_.life_ended(facts);
    machine_.power_loss();
    checker_.power_was_lost(life_);
    if (!facts.rewound && !facts.disk_failed) check_promises(samples_);
  } else {
    say("kill");
    machine_.kill();
    checker_.life_ended(facts);
  }
  checker_.check_checkpoints(how == End::power_loss);
  life.bury();
}

// What was written longer ago than fsync allows, and a sync takes, is there after a power loss.
void Run::check_promises(const std::vector<Sample>& samples) {
  constexpr int syncs = 20, entries = 48;
  const Duration disk =
      syncs * scenario_.slowest_disk + entries * scenario_.options.entry_latency.max;
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink) {
    const SinkScenario& each = scenario_.sinks[sink];
    if (each.fsync == Fsync::never) continue;
    Duration allowed = disk;
    if (each.fsync == Fsync::interval) allowed += each.fsync_interval;
    if (each.fsync == Fsync::roll) allowed += each.roll_age;
    std::uint64_t written = 0;
    for (const Sample& sample : samples)
      if (after(sample.at, allowed) <= world_.now()) written = sample.sent[sink];
    checker_.check_survivors(sink, life_, written);
  }
}

void Run::end_in_order(Life& life) {
  LifeFacts facts = facts_of(life);
  facts.in_order = life.started() && life.exit_code() == 0;
  say(concat("ended with exit code ", life.exit_code()));
  if (!life.started() && !disk_failed_)
    checker_.report(Verdict::start_failed, concat("life ", life_, " did not start"));
  // A short drain_timeout may be too short for a full ring; not again and again.
  if (calm_ && stop_deadline_ != never && life.exit_code() != 0 && ++undrained_ > undrained_max)
    checker_.report(Verdict::stuck, concat("the last stop, without any fault, ended ", undrained_,
                                           " times with exit code ", life.exit_code()));
  life.take_apart(checker_);
  checker_.life_ended(facts);
  checker_.check_checkpoints(false);
  if (calm_ && facts.in_order) {
    checker_.check_complete();
    done_ = true;
  }
}

// The machine without the agent.
void Run::stay_down(Duration length) {
  ledger_.era = 2 * life_;
  const Instant end = after(world_.now(), length);
  while (world_.now() < end) {
    world_.pause_at(never);
    apply_faults(false);
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
