// The log on standard error: one line a call, one write(2) each, so that lines of a crash are there
// and nothing is buffered. Control bytes are escaped: what a peer sends cannot forge a line or
// move a terminal's cursor. On a terminal the status line stays below the log and is overwritten.
#pragma once

#include "base/log.hpp"
#include "io/system.hpp"

namespace runnel::linux_os {

enum class LogFormat : std::uint8_t { text, json };

class LogWriter final : public LogOutput {
 public:
  LogWriter(const io::System& system, LogFormat format);
  void write(Level level, std::string_view component, std::string_view text) override;
  void status(std::string_view text) override;
  // A terminal: leaves the status line standing and goes to the next one.
  void end_status();

 private:
  void emit(std::string_view line);

  const io::System& system_;
  LogFormat format_;
  bool terminal_;
  bool status_shown_ = false;
};

}  // namespace runnel::linux_os
