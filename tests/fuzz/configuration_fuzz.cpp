// Any text becomes settings or a list of complaints that name the file. Good settings are measured
// twice to the same plan, and a plan whose ceiling is the limit fits. Variables have hostile
// values; they cannot bring in syntax.
#include "agent/components.hpp"
#include "agent/exit_codes.hpp"
#include "agent/plan.hpp"
#include "agent/settings.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;

namespace {

constexpr std::string_view file_name = "fuzz.toml";

std::optional<std::string> variable(const std::string& name) {
  if (name == "QUOTE") return "\"\n[sinks.other]\ntype = 'null'\n#";
  if (name == "SELF") return "${SELF}";
  if (name == "LONG") return std::string(5000, 'x');
  if (name == "PATH") return "/var/log/*.log";
  if (name == "SIZE") return "64KiB";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

void check_complaints(const Problem& problem) {
  FUZZ_CHECK(problem.exit_code == agent::exit_codes::configuration);
  FUZZ_CHECK(problem.text.starts_with(file_name));
}

// On a machine with pages of this size.
std::string plan_of(const agent::Settings& settings, std::size_t page_bytes) {
  const agent::MeasuredParts measured = agent::measure(settings, page_bytes);
  const agent::MemoryPlan plan(measured, {"fuzz", 1000, 2000, 3000});
  FUZZ_CHECK(plan.check(0).has_value() && plan.check(plan.ceiling()).has_value());
  FUZZ_CHECK(!plan.check(plan.ceiling() - 1).has_value());
  std::size_t sum = 0;
  for (const agent::PlanEntry& entry : measured.entries) {
    std::size_t lines = 0;
    for (const PlanLine& line : entry.lines) lines += line.bytes;
    FUZZ_CHECK(lines <= entry.bytes && entry.bytes % page_bytes == 0);
    sum += entry.bytes;
  }
  FUZZ_CHECK(sum == measured.bytes());
  return plan.text(true);
}

void check_settings(const agent::Settings& settings) {
  FUZZ_CHECK(!settings.sources.empty() && !settings.channels.empty() && !settings.sinks.empty());
  FUZZ_CHECK(settings.sources.size() <= agent::sources_max);
  FUZZ_CHECK(settings.channels.size() <= agent::channels_max);
  FUZZ_CHECK(settings.sinks.size() <= agent::sinks_max);
  for (const agent::SourceConfig& source : settings.sources) {
    FUZZ_CHECK(agent::is_component_name(source.name) && source.plan != nullptr);
    FUZZ_CHECK(!source.channels.empty());
    for (const std::size_t index : source.channels) FUZZ_CHECK(index < settings.channels.size());
  }
  for (const agent::SinkConfig& sink : settings.sinks)
    FUZZ_CHECK(agent::is_component_name(sink.name) && sink.channel < settings.channels.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Exact text(std::string_view(reinterpret_cast<const char*>(data), size));
  // A FunctionRef points to an object, which a function is not.
  const auto lookup = [](const std::string& name) { return variable(name); };
  const auto read = [&] {
    return agent::read_settings(text.text(), file_name, agent::components(), lookup);
  };
  const auto settings = read();
  if (!settings) {
    check_complaints(settings.error());
    const auto again = read();
    FUZZ_CHECK(!again && again.error().text == settings.error().text);
    return 0;
  }
  check_settings(*settings);
  for (const std::size_t page_bytes : {4096u, 65536u})
    FUZZ_CHECK(plan_of(*settings, page_bytes) == plan_of(*settings, page_bytes));
  return 0;
}
