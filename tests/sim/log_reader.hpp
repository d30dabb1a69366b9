// Reads the agent's log instead of a person, while it lives: what a warning says is a promise too.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace runnel::sim {

class LogReader final : public LogOutput {
 public:
  LogReader() { log_output = this; }
  ~LogReader() override { log_output = nullptr; }
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // As "warn sources.test: what it says".
  void write(Level level, std::string_view component, std::string_view text) override {
    lines.push_back(concat(name_of(level), " ", component, ": ", text));
  }
  void status(std::string_view) override {}
  // How many lines hold all of `parts`, one behind the other.
  template <class... Parts>
  std::ptrdiff_t count(const Parts&... parts) const {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      std::size_t at = 0;
      const auto holds = [&](std::string_view part) {
        at = line.find(part, at);
        if (at == line.npos) return false;
        at += part.size();
        return true;
      };
      return (holds(parts) && ...);
    });
  }

  std::vector<std::string> lines;
};

}  // namespace runnel::sim
