// The agent: starts the parts, lives, stops in order, says what was done.
//
// Start: sinks, then sources. Stop: sources first (bounded), then the channels drain to a deadline,
// then the sinks shut, then the sources write their last checkpoints. A second stop signal ends
// everything at once.
#pragma once

#include <optional>
#include <string>

#include "agent/assembly.hpp"
#include "agent/plan.hpp"

namespace runnel::agent {

struct RunOptions {
  bool once = false;         // until the active sources have read what there was at start
  bool live_status = false;  // a status line every second
};

class Agent {
 public:
  Agent(const Settings& settings, const MeasuredParts& measured, io::Reactor& reactor,
        io::System& system, const RunOptions& options, const net::Libraries& libraries = {});
  ~Agent();

  // Locks the state folder and builds every part.
  tl::expected<void, Problem> prepare();
  // Starts, lives and stops. Returns the exit code. `ceiling` is for the status line; `on_ready` is
  // called once when start-up is over and nothing may be allocated any more.
  int run(std::size_t ceiling, void (*on_ready)());

  // The same in steps, for whoever drives the loop.
  void begin(std::size_t ceiling, void (*on_ready)());
  bool running() const { return main_.has_value() && main_->tasks() > 0 && !abandoned_; }
  void turn(Instant until = never) { scheduler_.turn(until); }
  int exit_code() const { return exit_code_; }

  const Assembly& parts() const { return assembly_; }
  // A second signal came: tasks were left where they stood, nothing may be destroyed in order.
  bool abandoned() const { return abandoned_; }
  bool started() const { return started_; }
  // Several lines: what every component did.
  std::string summary() const;

 private:
  std::string disk_line() const;
  async::Task<void> live();
  async::Task<bool> start_all();
  async::Task<void> await_end();
  async::Task<void> stop_sources();
  async::Task<void> drain();
  async::Task<void> run_source(SourcePart& part);
  async::Task<void> run_sink(SinkPart& part);
  async::Task<void> watch_signals();
  async::Task<void> show_status();

  tl::expected<void, Problem> lock_state(const std::string& folder);
  void report(std::string_view component, const Problem& problem);
  bool reached_end() const;
  bool sinks_ended() const;
  std::uint64_t progress() const;
  void say_what_remains();
  void write_status(TextWriter& out) const;

  const Settings& settings_;
  io::System& system_;
  RunOptions options_;
  async::Scheduler scheduler_;
  pipeline::Clock clock_;
  pipeline::StopRequest stop_;
  pipeline::OwnFiles own_files_;
  pipeline::Identity identity_;
  Network network_;
  Assembly assembly_;

  std::size_t ceiling_ = 0;
  void (*on_ready_)() = nullptr;
  std::optional<async::Scope> main_;
  async::Notice changed_;  // a part has ended, or a signal has come
  bool stop_signalled_ = false;
  bool abandoned_ = false;
  bool started_ = false;
  int exit_code_ = 0;
  io::Handle lock_ = io::Handle::none;
};

}  // namespace runnel::agent
