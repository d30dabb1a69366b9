// What a person reads about one seed: the agent's log lines and what the run says in between, each
// with the time of the world, on standard error. The output of the process's log while it lives.
#pragma once

#include <cstdio>
#include <string>

#include "base/log.hpp"
#include "platform/sim/world.hpp"
#include "tests/sim/swarm/heap.hpp"

namespace runnel::swarm {

class RunLog final : public LogOutput {
 public:
  explicit RunLog(const sim::SimWorld& world) : world_(world) { log_output = this; }
  ~RunLog() override { log_output = nullptr; }
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

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

}  // namespace runnel::swarm
