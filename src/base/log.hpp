// The log: one line a call, built in a fixed buffer, handed to the one output the process has.
// INFO is lifecycle, WARN is odd but nothing lost, ERROR is data lost or a person needed. Never
// per event: count, and let `Occasional` decide when a line is due.
#pragma once

#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"

namespace runnel {

enum class Level : std::uint8_t { debug, info, warn, error };
std::string_view name_of(Level level);

class LogOutput {
 public:
  virtual ~LogOutput() = default;
  // `component` is a configured name ("sources.applog") or "agent". One line, without its newline,
  // with control bytes still in it: the output escapes them. Must not allocate.
  virtual void write(Level level, std::string_view component, std::string_view text) = 0;
  // A line about now that the next one replaces, where the output can do that.
  virtual void status(std::string_view text) = 0;
};
extern LogOutput* log_output;  // null: nothing is written
extern Level log_level;        // lower levels are dropped before they are built

inline constexpr std::size_t log_line_bytes_max = 1024;

template <class... Args>
void log(Level level, std::string_view component, const Args&... args) {
  if (log_output == nullptr || level < log_level) return;
  const Text<log_line_bytes_max> line(args...);
  log_output->write(level, component, line.text());
}
template <class... Args>
void log_info(std::string_view component, const Args&... args) {
  log(Level::info, component, args...);
}
template <class... Args>
void log_warn(std::string_view component, const Args&... args) {
  log(Level::warn, component, args...);
}
template <class... Args>
void log_error(std::string_view component, const Args&... args) {
  log(Level::error, component, args...);
}

// Says when a repeated complaint is due again: the first time at once, then at most every
// `interval`. `suppressed()` is how many were swallowed since the last one that was due.
class Occasional {
 public:
  explicit Occasional(Duration interval = std::chrono::seconds(10)) : interval_(interval) {}
  bool due(Instant now) {
    if (now < next_) {
      ++swallowed_;
      return false;
    }
    next_ = after(now, interval_);
    suppressed_ = swallowed_;
    swallowed_ = 0;
    return true;
  }
  std::uint64_t suppressed() const { return suppressed_; }

 private:
  Duration interval_;
  Instant next_ = Instant::min();
  std::uint64_t swallowed_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace runnel
