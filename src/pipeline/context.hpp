// What the agent gives every component: the world it may touch. All of it outlives the component.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "async/notice.hpp"
#include "async/scheduler.hpp"
#include "async/task.hpp"
#include "base/error.hpp"
#include "io/system.hpp"
#include "net/services.hpp"
#include "pipeline/batch_id.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/counters.hpp"
#include "pipeline/outlet.hpp"

namespace runnel::pipeline {

// What `start` answers: nothing, or why not, in one line for a person.
using Started = tl::expected<void, Problem>;

// Asked for once, by a signal or by the end of a --once run; never taken back.
class StopRequest {
 public:
  bool requested() const { return requested_; }
  void request() {
    requested_ = true;
    notice_.ring();
  }
  // Ok when it is requested (at once when it was), timed_out at the deadline.
  async::Task<Status> wait(Instant deadline = never) {
    if (requested_) co_return Status();
    const Status rang = co_await notice_.wait(deadline);
    co_return rang;
  }

 private:
  bool requested_ = false;
  async::Notice notice_;
};

// Files that this agent writes. A source that reads files asks before it reads one.
class OwnFiles {
 public:
  static constexpr std::size_t files_max = 256;
  void add(std::uint64_t device, std::uint64_t inode);
  void remove(std::uint64_t device, std::uint64_t inode);
  bool contains(std::uint64_t device, std::uint64_t inode) const;

 private:
  struct File {
    std::uint64_t device = 0, inode = 0;
  };
  std::array<File, files_max> files_;
  std::size_t count_ = 0;
};

struct ComponentContext {
  const char* name;  // "sources.applog", for logs
  async::Scheduler& scheduler;
  io::System& system;
  Clock& clock;
  StopRequest& stop;
  OwnFiles& own_files;
  const char* state_dir;  // exists, locked by this agent; empty: none is configured
  bool once;              // read what there is, then end
  const Identity& identity;
  const net::Services& network;

  io::Reactor& reactor() const { return scheduler.reactor(); }
  Instant now() const { return scheduler.now(); }
};

struct SourceContext : ComponentContext {
  Outlet& outlet;
  SourceCounters& counters;
};

struct ChannelContext : ComponentContext {
  Channel& channel;
};

class Group;
class SharedLink;

struct SinkContext : ComponentContext {
  Subscription& subscription;
  SinkCounters& counters;
  std::string_view batches_name;  // where their numbers come from (BatchId::channel)
  std::span<const std::string_view> source_names = {};  // by number of source
  Group* group = nullptr;      // whose member it is; null: it has its subscription for itself
  std::size_t member = 0;      // its place among them
  SharedLink* link = nullptr;  // what it sends over; null: nobody minds
  std::uint32_t priority = 0;  // on it
};

}  // namespace runnel::pipeline
