// A program that writes a log on the agent's machine: appends lines, whole or in two halves,
// rotates by renaming, truncates, deletes old ones. It syncs what it does: what is tested is
// Runnel's care, not the writer's. It goes on while the agent is down.
//
// `LogFiles` knows where every line ends, so that an offset in a checkpoint can be told from the
// events that it claims.
#pragma once

#include <deque>
#include <optional>

#include "platform/sim/machine.hpp"
#include "platform/sim/world.hpp"
#include "tests/sim/swarm/ledger.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

struct LogFile {
  std::uint64_t serial = 0;
  sim::Inode inode = sim::no_inode;
  std::uint32_t stream = 0;
  std::size_t source = 0;
  std::string path;
  bool there = true;
  Instant made;
  struct Line {
    std::uint64_t end = 0;
    std::uint32_t number = 0;
  };
  std::vector<Line> lines;  // of its content now
  std::uint32_t truncations = 0;
};

class LogFiles {
 public:
  // Not invalidated by what is added later.
  std::deque<LogFile> all;
  LogFile* with_path(std::string_view path);
  LogFile* with_inode(sim::Inode inode);
};

class LogWriter {
 public:
  LogWriter(sim::SimWorld& world, Ledger& ledger, LogFiles& files, const PeerScenario& scenario,
            std::size_t index, std::size_t event_bytes_max, bool long_events);
  // Until the given time; then it finishes the line it is in and rests.
  void work_until(Instant end);
  bool resting() const { return !working_; }

 private:
  void step();
  void append();
  void note_file();
  void finish_line();
  bool write(std::string_view text);
  void rotate();
  void truncate();
  void forget(LogFile& file);
  void sync(std::string_view path);

  sim::SimWorld& world_;
  sim::SimFiles& disk_;
  Ledger& ledger_;
  LogFiles& files_;
  PeerScenario scenario_;
  sim::Random random_;
  std::uint32_t stream_;
  std::string path_;
  std::string open_line_;  // its rest is still to be written
  std::uint32_t open_number_ = 0;
  bool working_ = false;
  Instant end_;
  std::optional<Instant> last_rotation_;
  std::uint32_t files_made_ = 0;
};

}  // namespace runnel::swarm
