#include "agent/agent.hpp"

#include <algorithm>

#include "agent/exit_codes.hpp"
#include "agent/identity.hpp"
#include "agent/status/status_service.hpp"
#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/canary.hpp"
#include "base/log.hpp"
#include "base/mark.hpp"

namespace runnel::agent {

using async::Task;
using pipeline::Started;

namespace {

constexpr const char* own_name = "agent";
// How long sources may take to read what has already arrived and to close.
constexpr Duration source_grace = 2s;

}  // namespace

Agent::Agent(const Settings& settings, const MeasuredParts& measured, io::Reactor& reactor,
             io::System& system, const RunOptions& options, const net::Libraries& libraries)
    : settings_(settings),
      system_(system),
      options_(options),
      scheduler_(reactor),
      clock_(system, scheduler_),
      network_(system, libraries),
      assembly_(settings, measured,
                World{scheduler_, system_, clock_, stop_, own_files_, options.once, identity_,
                      network_}) {}

Agent::~Agent() {
  if (lock_ != io::Handle::none) scheduler_.reactor().discard(lock_);
}

tl::expected<void, Problem> Agent::prepare() {
  if (!settings_.agent.state_dir.empty()) {
    auto locked = lock_state(settings_.agent.state_dir);
    if (!locked) return locked;
  }
  return assembly_.build();
}

tl::expected<void, Problem> Agent::lock_state(const std::string& folder) {
  if (const Status made = system_.make_folders(folder.c_str()); !made)
    return problem(
        concat("agent.state_dir \"", folder, "\" cannot be made: ", describe(made.error()),
               "; make it writable for this user, or name another folder"),
        exit_codes::io);
  std::uint32_t holder = 0;
  const std::string path = folder + "/lock";
  const auto lock = system_.lock_file(path.c_str(), holder);
  if (lock) {
    lock_ = *lock;
    return {};
  }
  if (lock.error() == Error::in_use)
    return problem(concat("another agent (process ", holder, ") uses agent.state_dir \"", folder,
                          "\"; stop it, or give this one its own state_dir"),
                   exit_codes::unavailable);
  return problem(concat("agent.state_dir \"", folder, "\" cannot be used: ", describe(lock.error()),
                        " (", path, ")"),
                 exit_codes::io);
}

void Agent::begin(std::size_t ceiling, void (*on_ready)()) {
  ceiling_ = ceiling;
  on_ready_ = on_ready;
  main_.emplace(scheduler_, own_name);
  main_->spawn(live());
}

int Agent::run(std::size_t ceiling, void (*on_ready)()) {
  begin(ceiling, on_ready);
  while (running()) turn();
  if (!abandoned_) main_.reset();
  return exit_code_;
}

Task<void> Agent::live() {
  async::Scope& outer = *co_await async::current_scope();
  async::Scope helpers(outer, own_name);
  helpers.spawn(watch_signals());
  started_ = co_await start_all();
  for (LinkPart& part : assembly_.links)
    if (part.ledger != nullptr) helpers.spawn(part.ledger->keep());
  if (started_) {
    system_.trim_heap();
    if (assembly_.status != nullptr) assembly_.status->is_ready(ceiling_);
    log_info(own_name, "ready");
    if (options_.live_status) helpers.spawn(show_status());
    if (on_ready_ != nullptr) on_ready_();
    for (SinkPart& part : assembly_.sinks) part.scope->spawn(run_sink(part));
    for (SourcePart& part : assembly_.sources) part.scope->spawn(run_source(part));
    co_await await_end();
    co_await stop_sources();
    co_await drain();
    for (ChannelPart& part : assembly_.channels) {
      if (part.store == nullptr) continue;
      const bool all_kept = co_await part.store->shut();
      if (!all_kept) exit_code_ = exit_codes::unavailable;
    }
    for (SourcePart& part : assembly_.sources) co_await part.source->finish();
  }
  for (ChannelPart& part : assembly_.channels) {
    if (part.store == nullptr) continue;
    part.scope->cancel();
    co_await part.scope->join();
  }
  if (assembly_.status != nullptr) co_await assembly_.status->end();
  co_await network_.shut();
  helpers.cancel();
  co_await helpers.join();
  for (LinkPart& part : assembly_.links)
    if (part.ledger != nullptr) co_await part.ledger->save();
}

Task<bool> Agent::start_all() {
  identity_ = co_await take_identity(settings_.agent.state_dir, system_, scheduler_.reactor());
  if (assembly_.status != nullptr) {
    const Started serving = assembly_.status->start();
    if (!serving) {
      report(own_name, serving.error());
      co_return false;
    }
  }
  for (LinkPart& part : assembly_.links) {
    if (part.ledger == nullptr) continue;
    const Started loaded = part.ledger->load();
    if (loaded) continue;
    report(part.label, loaded.error());
    co_return false;
  }
  for (ChannelPart& part : assembly_.channels) {
    if (part.store == nullptr) continue;
    const Started started = co_await part.store->start();
    if (!started) {
      report(part.label, started.error());
      co_return false;
    }
    part.scope->spawn(part.store->run());
  }
  for (SinkPart& part : assembly_.sinks) {
    Started started = co_await part.runner->start();
    if (started) started = co_await part.sink->start();
    if (started) continue;
    report(part.label, started.error());
    co_return false;
  }
  for (SourcePart& part : assembly_.sources) {
    const Started started = co_await part.source->start();
    if (started) continue;
    report(part.label, started.error());
    co_return false;
  }
  co_return true;
}

void Agent::report(std::string_view component, const Problem& problem) {
  log_error(component, problem.text);
  exit_code_ = problem.exit_code;
}

Task<void> Agent::run_source(SourcePart& part) {
  co_await part.source->run();
  part.ended = true;
  changed_.ring();
}

Task<void> Agent::run_sink(SinkPart& part) {
  co_await part.runner->run();
  part.ended = true;
  changed_.ring();
}

// --- the end ------------------------------------------------------------------------------------

Task<void> Agent::watch_signals() {
  for (;;) {
    const Status ready = co_await async::ready(system_.signal_handle());
    if (!ready) co_return;
    while (const auto signal = system_.take_signal()) {
      if (*signal == io::Signal::reload) {
        log_warn(own_name, "SIGHUP ignored: this version cannot reload its configuration yet");
        continue;
      }
      if (stop_signalled_) {
        log_error(own_name, "second stop signal: ending at once, the channels are not drained");
        exit_code_ = exit_codes::unavailable;
        abandoned_ = true;
        co_return;
      }
      stop_signalled_ = true;
      log_info(own_name, "stopping: sources close, channels drain for at most ",
               HumanDuration{settings_.agent.drain_timeout});
      changed_.ring();
    }
  }
}

bool Agent::reached_end() const {
  if (!options_.once) return false;
  return std::all_of(
      assembly_.sources.begin(), assembly_.sources.end(), [](const SourcePart& part) {
        return part.ended || part.config->type->activity == pipeline::Activity::passive;
      });
}

Task<void> Agent::await_end() {
  while (!stop_signalled_ && !reached_end()) {
    const Status changed = co_await changed_.wait();
    if (!changed) co_return;
  }
}

Task<void> Agent::stop_sources() {
  stop_.request();
  const auto all_ended = [this] {
    return std::all_of(assembly_.sources.begin(), assembly_.sources.end(),
                       [](const SourcePart& part) { return part.ended; });
  };
  const Instant deadline = after(scheduler_.now(), source_grace);
  while (!all_ended()) {
    const Status changed = co_await changed_.wait(deadline);
    if (!changed) break;
  }
  for (SourcePart& part : assembly_.sources) part.scope->cancel();
  for (SourcePart& part : assembly_.sources) co_await part.scope->join();
}

bool Agent::sinks_ended() const {
  return std::all_of(assembly_.sinks.begin(), assembly_.sinks.end(),
                     [](const SinkPart& part) { return part.ended; });
}

std::uint64_t Agent::progress() const {
  std::uint64_t sum = 0;
  for (const SinkPart& part : assembly_.sinks)
    sum += part.counters.sent_batches + part.context->subscription.watermark();
  return sum;
}

// A signal gives the sinks one drain_timeout in all; a --once run waits as long as they get on.
Task<void> Agent::drain() {
  // What a store keeps is not drained, unless only the sinks can make room for it; a --once run has
  // nothing else to do.
  for (ChannelPart& part : assembly_.channels)
    part.channel->close(part.store != nullptr && part.store->keeps() && stop_signalled_);
  const Duration patience = settings_.agent.drain_timeout;
  std::uint64_t last = progress();
  Instant deadline = after(scheduler_.now(), patience);
  while (!sinks_ended()) {
    if (canary(Canary::drain_without_end)) deadline = never;
    const Status changed = co_await changed_.wait(deadline);
    if (changed || sinks_ended()) continue;
    if (!stop_signalled_ && progress() != last) {
      last = progress();
      deadline = after(scheduler_.now(), patience);
      continue;
    }
    passed(Seldom::drain_timed_out);
    say_what_remains();
    break;
  }
  for (SinkPart& part : assembly_.sinks) part.scope->cancel();
  for (SinkPart& part : assembly_.sinks) co_await part.scope->join();
}

void Agent::say_what_remains() {
  for (const SinkPart& part : assembly_.sinks) {
    // What the sinks of a group leave is theirs together: the first says it.
    const auto is_left_too = [&](const SinkPart& other) {
      return !other.ended && &other.context->subscription == &part.context->subscription;
    };
    if (part.ended ||
        &part != &*std::find_if(assembly_.sinks.begin(), assembly_.sinks.end(), is_left_too))
      continue;
    const Error error = part.runner->last_error();
    const HumanSize left{part.context->subscription.lag_bytes()};
    const std::string_view why =
        error == Error::none ? std::string_view("no error, too slow") : describe(error);
    const ChannelPart& channel = assembly_.channels[part.config->channel];
    if (channel.store != nullptr) {
      log_warn(part.label, "no progress within ", HumanDuration{settings_.agent.drain_timeout},
               " (", why, "): ", left, " of records stay in ", channel.label,
               " and go out after the next start");
      continue;
    }
    exit_code_ = exit_codes::unavailable;
    log_error(part.label, "not drained within ", HumanDuration{settings_.agent.drain_timeout}, ": ",
              left, " of records are not delivered (", why,
              "); what a tail has read of them is read again at the next start");
  }
}

Task<void> Agent::show_status() {
  for (;;) {
    const Status slept = co_await async::sleep_until(after(scheduler_.now(), 1s));
    if (!slept) co_return;
    Text<256> line;
    write_status(line);
    if (log_output != nullptr) log_output->status(line.text());
  }
}

}  // namespace runnel::agent
