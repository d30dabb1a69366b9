// The program: reads the command line and the configuration, opens the machine (System, driver,
// log) and hands over to the agent.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "agent/agent.hpp"
#include "agent/command_line.hpp"
#include "agent/dead_letter_tool/tool.hpp"
#include "agent/exit_codes.hpp"
#include "agent/journal_tool/tool.hpp"
#include "agent/listing.hpp"
#include "agent/rehearse/rehearse.hpp"
#include "agent/status/status_service.hpp"
#include "agent/toml_reader.hpp"
#include "base/assert.hpp"
#include "base/function_ref.hpp"
#include "platform/cares/name_library.hpp"
#include "platform/linux/drivers.hpp"
#include "platform/linux/log_writer.hpp"
#include "platform/linux/system.hpp"
#include "platform/mbedtls/library.hpp"
#ifdef RUNNEL_KAFKA
#include "platform/kafka/library.hpp"
#endif
#ifdef RUNNEL_ALLOCATION_GUARD
#include "tests/support/allocation_guard.hpp"
#endif

namespace {

using namespace runnel;
using agent::CommandLine;
namespace exit_codes = agent::exit_codes;

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
  if (!text.ends_with('\n')) std::fputc('\n', to);
  std::fflush(to);
}

int complain(const Problem& problem) {
  print(stderr, problem.text);
  return problem.exit_code;
}

void report_assertion(const char* expression, const char* file, int line) {
  log_error("agent", "broken invariant: ", expression, " (", file, ":", line, ") while running ",
            async::Scheduler::running());
}

// What a file in the configuration holds, for `${file:/PATH}`.
tl::expected<std::string, std::string> secret_of(linux_os::LinuxSystem& system,
                                                 const std::string& path) {
  auto text = system.read_file(path.c_str(), agent::expanded_bytes_max);
  if (!text) return tl::unexpected(std::string(describe(text.error())));
  if (system.is_open_to_all(path.c_str()))
    print(stderr,
          concat("warning: ", path, " can be read by everybody on this machine: chmod o= ", path));
  return std::move(*text);
}

Built<agent::Settings> load(const CommandLine& command, linux_os::LinuxSystem& system) {
  const char* path = command.configuration_file.c_str();
  const auto text = system.read_file(path, agent::configuration_bytes_max);
  if (!text)
    return problem(concat(path, ": cannot be read: ", describe(text.error())),
                   exit_codes::configuration);
  return agent::read_settings(
      *text, path, agent::components(),
      [&](const std::string& name) { return system.environment(name.c_str()); },
      [&](const std::string& file) { return secret_of(system, file); });
}

linux_os::DriverChoice driver_choice(const CommandLine& command) {
  using linux_os::DriverChoice;
  if (command.uring_tier_b) return DriverChoice::uring_tier_b;
  switch (command.driver) {
    case agent::DriverChoice::automatic:
      return DriverChoice::automatic;
    case agent::DriverChoice::uring:
      return DriverChoice::uring;
    case agent::DriverChoice::asio:
      return DriverChoice::asio;
  }
  return DriverChoice::automatic;
}

// The configuration, the driver it would run on, and the memory that the two need.
struct Prepared {
  agent::Settings settings;
  agent::MeasuredParts measured;
  linux_os::Driver driver;
  std::optional<agent::MemoryPlan> plan;
};

// What the program was linked with to reach the network.
struct Linked {
  cares::NameLibrary names;
  mbedtls::Library tls;
#ifdef RUNNEL_KAFKA
  kafka::Library kafka;
  net::Libraries libraries() { return {&names, &tls, &kafka}; }
#else
  net::Libraries libraries() { return {&names, &tls, nullptr}; }
#endif
};

Built<Prepared> prepare(const CommandLine& command, agent::Settings settings, io::System& system,
                        Linked& linked) {
  Prepared prepared{std::move(settings), {}, {}, {}};
  prepared.measured =
      agent::measure(prepared.settings, system.facts().page_bytes, linked.libraries());
  auto driver = open_driver(driver_choice(command), prepared.measured.handles, system);
  if (!driver) return tl::unexpected(driver.error());
  prepared.driver = std::move(*driver);
  const io::MemoryUse use = system.memory_use();
  prepared.plan.emplace(prepared.measured,
                        agent::Overheads{prepared.driver.name, prepared.driver.bytes,
                                         static_cast<std::size_t>(use.program_bytes),
                                         static_cast<std::size_t>(use.heap_bytes)});
  auto fits = prepared.plan->check(prepared.settings.agent.memory_limit_bytes);
  if (!fits)
    return problem(concat(command.configuration_file, ": ", fits.error().text),
                   fits.error().exit_code);
  return prepared;
}

Built<Prepared> prepare(const CommandLine& command, linux_os::LinuxSystem& system, Linked& linked) {
  auto settings = load(command, system);
  if (!settings) return tl::unexpected(settings.error());
  return prepare(command, std::move(*settings), system, linked);
}

int validate(const CommandLine& command, linux_os::LinuxSystem& system) {
  Linked linked;
  const auto prepared = prepare(command, system, linked);
  if (!prepared) return complain(prepared.error());
  if (command.memory) {
    const io::Facts& facts = system.facts();
    print(stdout, concat("kernel ", facts.kernel, ", pages of ", facts.page_bytes,
                         " B, driver: ", prepared->driver.reactor->description()));
    print(stdout, prepared->plan->text(true));
  }
  if (const std::string warning = agent::listen_warning(prepared->settings.agent); !warning.empty())
    print(stderr, concat(command.configuration_file, ": warning: ", warning));
  print(stdout, concat(command.configuration_file, ": good; memory ceiling ",
                       HumanSize{prepared->plan->ceiling()}));
  return exit_codes::ok;
}

int rehearse(const CommandLine& command, linux_os::LinuxSystem& system) {
  const auto settings = load(command, system);
  if (!settings) return complain(settings.error());
  const auto text = agent::rehearse_outage(*settings, command.rehearse, command.configuration_file);
  if (!text) return complain(text.error());
  print(stdout, *text);
  return exit_codes::ok;
}

bool has_an_end(const agent::Settings& settings) {
  for (const agent::SourceConfig& source : settings.sources)
    if (source.type->activity == pipeline::Activity::active) return true;
  return false;
}

void say_what_runs(const Prepared& prepared, const io::Facts& facts) {
  log_info("agent", "runnel ", RUNNEL_VERSION, ", kernel ", facts.kernel,
           ", driver: ", prepared.driver.reactor->description());
  if (!prepared.driver.remark.empty())
    log_info("agent", "io_uring is not used: ", prepared.driver.remark);
  log_info("agent", "memory ceiling ", HumanSize{prepared.plan->ceiling()}, " (limit ",
           HumanSize{prepared.settings.agent.memory_limit_bytes}, ")");
}

// From here on nothing may be allocated; a test build ends at the first allocation.
void seal() {
#ifdef RUNNEL_ALLOCATION_GUARD
  test::arm(true, &async::Scheduler::running);
#endif
}
void unseal() {
#ifdef RUNNEL_ALLOCATION_GUARD
  test::disarm();
#endif
}

// Called once the agent has ended, with its exit code, while all of it is still there.
using Concluded = FunctionRef<int(const agent::Agent& agent, int exit_code)>;

int run_agent(const CommandLine& command, Prepared& prepared, Linked& linked,
              linux_os::LinuxSystem& system, const agent::RunOptions& options, void (*on_ready)(),
              Concluded concluded) {
  const agent::AgentSettings& own = prepared.settings.agent;
  const auto format = command.log_format.value_or(own.log_format);
  linux_os::LogWriter writer(system, format == agent::LogFormat::json ? linux_os::LogFormat::json
                                                                      : linux_os::LogFormat::text);
  log_output = &writer;
  log_level = command.log_level.value_or(own.log_level);
  assertion_report = report_assertion;
  say_what_runs(prepared, system.facts());

  agent::Agent agent(prepared.settings, prepared.measured, *prepared.driver.reactor, system,
                     options, linked.libraries());
  if (const auto ready = agent.prepare(); !ready) {
    log_error("agent", ready.error().text);
    log_output = nullptr;
    return ready.error().exit_code;
  }
  int exit_code = agent.run(prepared.plan->ceiling(), on_ready);
  unseal();
  writer.end_status();
  if (agent.started()) print(stderr, agent.summary());
  // Tasks were left where they stood: nothing may be taken apart any more.
  if (agent.abandoned()) std::_Exit(exit_code);
  exit_code = concluded(agent, exit_code);
  log_output = nullptr;
  return exit_code;
}

int run(const CommandLine& command, linux_os::LinuxSystem& system) {
  Linked linked;
  auto prepared = prepare(command, system, linked);
  if (!prepared) return complain(prepared.error());
  if (command.once && !has_an_end(prepared->settings))
    return complain({concat(command.configuration_file,
                            ": --once needs a source that ends (tail, generate); all sources here "
                            "wait for clients"),
                     exit_codes::configuration});
  return run_agent(command, *prepared, linked, system,
                   {.once = command.once, .live_status = command.live}, &seal,
                   [](const agent::Agent&, int exit_code) { return exit_code; });
}

int list(const CommandLine& command) {
  const agent::Registry& registry = agent::components();
  if (command.type.empty()) {
    print(stdout, agent::list_types(registry));
    return exit_codes::ok;
  }
  const auto text = agent::list_type(registry, command.type, command.markdown);
  if (!text) return complain(text.error());
  print(stdout, *text);
  return exit_codes::ok;
}

class Terminal final : public agent::journal_tool::Console {
 public:
  bool out(std::string_view text) override {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  }
  void say(std::string_view line) override { print(stderr, line); }
};

int journal(const CommandLine& command, linux_os::LinuxSystem& system) {
  constexpr std::size_t handles_max = 8;
  // It waits for each of its operations: the driver that needs nothing of the kernel is as good.
  auto driver = open_driver(linux_os::DriverChoice::asio, handles_max, system);
  if (!driver) return complain(driver.error());
  Terminal terminal;
  const int exit_code =
      agent::journal_tool::run(command.journal, {*driver->reactor, system, terminal});
  if (std::fflush(stdout) == 0) return exit_code;
  return complain({"standard output cannot be written", exit_codes::io});
}

// What was refused is sent with whatever memory its files ask for: nothing is sealed.
int send_dead_letters(const CommandLine& command, agent::dead_letter_tool::Machine machine,
                      linux_os::LinuxSystem& system) {
  namespace tool = agent::dead_letter_tool;
  auto settings = load(command, system);
  if (!settings) return complain(settings.error());
  auto sending = tool::prepare_sending(command.dead_letter, std::move(*settings), machine);
  if (!sending) return complain(sending.error());
  if (sending->letters == 0) {
    print(stderr, concat(command.configuration_file, ": there are no dead letters"));
    return exit_codes::ok;
  }
  Linked linked;
  auto prepared = prepare(command, std::move(sending->settings), system, linked);
  if (!prepared) return complain(prepared.error());
  return run_agent(command, *prepared, linked, system, {.once = true, .live_status = false},
                   nullptr, [&](const agent::Agent& agent, int exit_code) {
                     return tool::finish_sending(*sending, agent, exit_code, machine);
                   });
}

int dead_letters(const CommandLine& command, linux_os::LinuxSystem& system) {
  namespace tool = agent::dead_letter_tool;
  using Action = agent::DeadLetterRequest::Action;
  constexpr std::size_t handles_max = 8;
  auto driver = open_driver(linux_os::DriverChoice::asio, handles_max, system);
  if (!driver) return complain(driver.error());
  Terminal terminal;
  const tool::Machine machine{*driver->reactor, system, terminal};
  const agent::DeadLetterRequest& request = command.dead_letter;
  if (request.action == Action::send) return send_dead_letters(command, machine, system);
  int exit_code = exit_codes::ok;
  if (tool::is_letter_file(machine, request.path)) {
    exit_code = tool::list_file(request, machine);
  } else {
    auto settings = load(command, system);
    if (!settings) return complain(settings.error());
    exit_code = tool::list_sinks(request, *settings, machine);
  }
  if (std::fflush(stdout) == 0) return exit_code;
  return complain({"standard output cannot be written", exit_codes::io});
}

}  // namespace

int main(int count, char** arguments) {
  const auto command = agent::parse_command_line(count, arguments);
  if (!command) return complain(command.error());
  switch (command->command) {
    case CommandLine::Command::help:
      print(stdout, command->text);
      return exit_codes::ok;
    case CommandLine::Command::version:
      print(stdout, "runnel " RUNNEL_VERSION);
      return exit_codes::ok;
    case CommandLine::Command::list:
      return list(*command);
    case CommandLine::Command::journal: {
      linux_os::LinuxSystem system;
      return journal(*command, system);
    }
    case CommandLine::Command::dead_letter: {
      linux_os::LinuxSystem system;
      return dead_letters(*command, system);
    }
    case CommandLine::Command::validate: {
      linux_os::LinuxSystem system;
      return validate(*command, system);
    }
    case CommandLine::Command::rehearse: {
      linux_os::LinuxSystem system;
      return rehearse(*command, system);
    }
    case CommandLine::Command::run: {
      linux_os::LinuxSystem system;
      return run(*command, system);
    }
  }
  return exit_codes::usage;
}
