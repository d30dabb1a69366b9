// A place to try `runnel journal` at: a simulated machine, journals of many small blocks, and what
// the tool says of them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "agent/exit_codes.hpp"
#include "agent/journal_tool/tool.hpp"
#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "platform/sim/world.hpp"
#include "tests/support/journal_builder.hpp"

namespace runnel::journal_tool_tests {

using agent::JournalRequest;
using Action = JournalRequest::Action;
namespace journal_tool = agent::journal_tool;
namespace journal = channels::journal;
namespace exit_codes = agent::exit_codes;
using test::JournalBuilder;

inline constexpr const char* path = "/var/dead.journal";

struct Outcome {
  int exit_code = -1;
  std::string out, said;
  bool says(std::string_view text) const { return out.find(text) != out.npos; }
  std::size_t lines() const {
    return static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
  }
};

class Bench {
 public:
  Bench() : world_(1), machine_(world_.add_machine("bench")) {
    CHECK(files().make_folders("/var").ok());
  }
  sim::SimFiles& files() { return machine_.files(); }
  sim::SimMachine& machine() { return machine_; }
  sim::SimOptions& options() { return world_.options(); }

  void put(std::string_view file) { CHECK(files().put(path, file).ok()); }
  Outcome run(const JournalRequest& request) {
    sim::SimReactor reactor(machine_);
    sim::SimSystem system(machine_);
    Recorder recorder;
    recorder.outcome.exit_code = journal_tool::run(request, {reactor, system, recorder});
    return recorder.outcome;
  }
  Outcome run(Action action) {
    JournalRequest request;
    request.action = action;
    request.path = path;
    return run(request);
  }
  Outcome run(Action action, std::string_view file) {
    put(file);
    return run(action);
  }

 private:
  struct Recorder final : journal_tool::Console {
    Outcome outcome;
    bool out(std::string_view text) override {
      outcome.out += text;
      return true;
    }
    void say(std::string_view line) override { outcome.said += concat(line, '\n'); }
  };

  sim::SimWorld world_;
  sim::SimMachine& machine_;
};

inline std::string body_of(int number) {
  return "event number " + std::to_string(number) + " of a device";
}

// Blocks of ten events each; where each lies.
struct Laid {
  JournalBuilder builder;
  std::vector<std::uint64_t> blocks;
  int events = 0;

  void add(int count) {
    for (int index = 0; index < count; ++index) {
      for (int each = 0; each < 10; ++each) {
        pipeline::Event event;
        event.time = {events * 1'000'000'000LL, true};
        builder.event(body_of(events++), event);
      }
      blocks.push_back(builder.seal());
    }
  }
};
// Incompressible blocks of a page or two would be few; these fill all of the ring and a part again.
inline Laid a_full_ring() {
  Laid laid;
  laid.add(300);  // 62 fit into a segment
  const journal::Cursor done{"out", laid.builder.position(), laid.builder.ordinal(), 0,
                             laid.builder.sequence()};
  const journal::Cursor late{"late", laid.builder.position() - 8, 0, laid.blocks.back(),
                             laid.builder.sequence()};
  laid.builder.cursors(3, {done, late});
  laid.builder.cursors(4, {done, late});
  return laid;
}
inline void destroy(std::string& file, std::uint64_t at, std::size_t bytes) {
  for (std::size_t index = 0; index < bytes; ++index)
    file[static_cast<std::size_t>(at) + index] ^= static_cast<char>(0x5A + index % 7);
}

}  // namespace runnel::journal_tool_tests
