#include "agent/plan.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace runnel::agent {
namespace {

PlanEntry plain_entry(std::string name, std::size_t bytes) { return {std::move(name), bytes, {}}; }

void append_row(std::string& out, std::string_view indent, std::string_view name,
                std::size_t bytes) {
  const std::string size = concat(HumanSize{bytes});
  const std::size_t width = 44;
  const std::size_t used = indent.size() + name.size() + size.size();
  out.append(indent).append(name).append(used < width ? width - used : 1, ' ').append(size);
  out += '\n';
}

}  // namespace

MemoryPlan::MemoryPlan(const MeasuredParts& parts, const Overheads& overheads)
    : entries_(parts.entries) {
  entries_.push_back(
      plain_entry(concat("driver (", overheads.driver, ")"), overheads.driver_bytes));
  entries_.push_back(plain_entry("program", overheads.program_bytes));
  entries_.push_back(plain_entry("stack", stack_bytes));
  entries_.push_back(plain_entry("heap left by start-up", overheads.heap_bytes + heap_slack_bytes));
  for (const PlanEntry& entry : entries_) ceiling_ = saturating_add(ceiling_, entry.bytes);
}

tl::expected<void, Problem> MemoryPlan::check(std::size_t limit) const {
  if (limit == 0 || ceiling_ <= limit) return {};
  std::vector<PlanEntry> largest = entries_;
  std::sort(largest.begin(), largest.end(),
            [](const PlanEntry& a, const PlanEntry& b) { return a.bytes > b.bytes; });
  largest.resize(std::min<std::size_t>(largest.size(), 3));
  std::string text = concat("agent.memory_limit is ", HumanSize{limit}, ", but the plan needs ",
                            HumanSize{ceiling_}, "; its largest parts:");
  for (const PlanEntry& entry : largest)
    text += concat(entry.bytes == largest.front().bytes ? " " : ", ", entry.name, " ",
                   HumanSize{entry.bytes});
  return problem(text + " (runnel validate --memory shows every line)");
}

std::string MemoryPlan::text(bool with_details) const {
  std::string out;
  for (const PlanEntry& entry : entries_) {
    append_row(out, "", entry.name, entry.bytes);
    if (!with_details) continue;
    for (const PlanLine& line : entry.lines)
      append_row(out, "  ",
                 line.count > 1 && line.bytes > line.count
                     ? concat(line.what, " (", line.count, ")")
                     : std::string(line.what),
                 line.bytes);
  }
  append_row(out, "", "ceiling", ceiling_);
  return out;
}

}  // namespace runnel::agent
