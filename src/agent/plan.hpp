// The memory ceiling: everything this process may ever use, printed before it starts and never
// passed. The sum of what components carve, what the driver maps, the program itself, the stack,
// and what start-up leaves on the heap.
#pragma once

#include "agent/assembly.hpp"

namespace runnel::agent {

// What is not carved, as measured on this machine.
struct Overheads {
  std::string driver;  // "io_uring"
  std::size_t driver_bytes = 0;
  std::size_t program_bytes = 0;
  std::size_t heap_bytes = 0;
};

class MemoryPlan {
 public:
  MemoryPlan(const MeasuredParts& parts, const Overheads& overheads);

  std::size_t ceiling() const { return ceiling_; }
  // `limit` 0: no limit. The problem names the largest parts and what to do.
  tl::expected<void, Problem> check(std::size_t limit) const;
  // Line by line, with its total; for `validate --memory`.
  std::string text(bool with_details) const;

  static constexpr std::size_t stack_bytes = 256 * 1024;
  // malloc holds memory in steps of its own; what is trimmed at the seal may stay by that much.
  static constexpr std::size_t heap_slack_bytes = 256 * 1024;

 private:
  std::vector<PlanEntry> entries_;
  std::size_t ceiling_ = 0;
};

}  // namespace runnel::agent
