// Everything that one seed decides before the world begins: how the agent is configured, which
// peers there are, and the list of faults, each with its time. A run may leave out any of the
// faults, peers and traits; what remains stays as it was drawn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "platform/sim/options.hpp"

namespace runnel::swarm {

// What is left out of a seed's scenario, for shrinking. Nothing given: all of it.
struct Selection {
  std::optional<std::vector<std::size_t>> faults;
  std::optional<std::vector<std::size_t>> peers;
  std::vector<std::string> without;  // traits
  bool keeps_fault(std::size_t index) const;
  bool keeps_peer(std::size_t index) const;
  bool keeps_trait(const char* name) const;
};

enum class FaultKind : std::uint8_t {
  // Ends of the process; another one begins after `length`.
  kill,
  power_loss,
  kill_during,  // as soon as an operation of verb `verb` has been submitted
  power_loss_during,
  stop,        // in order
  stop_twice,  // a second signal
  // For `length`:
  disk_full,         // writes find no room
  disk_nearly_full,  // writes come out short, then find no room
  space_errors,      // now and then
  write_errors,
  sync_errors,
  read_errors,
  entry_errors,   // open, rename, unlink, truncate
  handle_errors,  // too many open files
  short_writes,
  slow_disk,
  slow_network,
  partition,  // of the machines
  partition_port,
  datagram_loss,
  watches_overflow,
  // Moments:
  reset_connections,
  half_open,  // the senders' machine goes without a word
  clock_step,
  count_of_kinds,
};
const char* name_of(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kill;
  Instant at;
  Duration length = Duration::zero();
  std::uint32_t amount = 0;  // of a rate, of bytes
  std::uint8_t verb = 0;     // io::Verb, for the ends during one
  Duration step = Duration::zero();
};

enum class SourceKind : std::uint8_t { tail, tcp, udp, syslog, generate };
enum class WhenFull : std::uint8_t { block, drop_newest, drop_oldest };
enum class Fsync : std::uint8_t { batch, interval, roll, never };
enum class Codec : std::uint8_t { none, zstd, gzip };
enum class JournalSync : std::uint8_t { batch, interval, never };

// What lies below a channel's ring, when something does.
struct JournalScenario {
  bool overflow = false;  // mode
  JournalSync sync = JournalSync::batch;
  Duration sync_interval = Duration::zero();
  Duration cursor_interval = Duration::zero();
  Duration block_age = Duration::zero();
  std::size_t block_bytes = 0;
  std::size_t file_bytes = 0;
};

struct SourceScenario {
  SourceKind kind = SourceKind::tail;
  std::vector<std::size_t> channels;
  std::size_t event_bytes_max = 1024;
  // generate: of a body. What a journal keeps is told apart by it: each life makes one byte more.
  std::size_t body_bytes = 0;
  bool matches_rotated = true;  // tail: `*.log*` and not `*.log`
  std::string framing = "newline";
  Duration checkpoint_interval = Duration::zero();
  Duration idle_timeout = Duration::zero();
};

struct SinkScenario {
  std::size_t channel = 0;
  Fsync fsync = Fsync::interval;
  Duration fsync_interval = Duration::zero();
  Codec codec = Codec::none;
  bool json = false;
  bool says_gaps = true;
  bool by_header = false;  // one file a sender
  Duration roll_age = Duration::zero();
  std::size_t batch_bytes = 0;
  Duration linger = Duration::zero();
  std::string folder;  // "/data/0"
};

bool feeds(const SourceScenario& source, std::size_t channel);

enum class PeerKind : std::uint8_t { log_writer, tcp_sender, udp_sender };

struct PeerScenario {
  PeerKind kind = PeerKind::log_writer;
  std::size_t source = 0;
  std::uint64_t seed = 0;
  Duration pause = Duration::zero();  // between deeds, at most
  std::uint32_t events = 0;           // a deed, at most
  bool rotates = false, truncates = false, deletes = false;
  Duration rotation_age = Duration::zero();  // of a file, at least
};

struct Scenario {
  std::uint64_t seed = 0;
  std::vector<SourceScenario> sources;
  std::vector<WhenFull> channels;
  std::vector<std::optional<JournalScenario>> journals;  // by channel
  std::vector<SinkScenario> sinks;
  std::vector<PeerScenario> peers;
  std::vector<Fault> faults;  // by time
  sim::SimOptions options;    // without faults
  Duration drain_timeout = Duration::zero();
  Duration storm = Duration::zero();  // how long faults come
  Duration slowest_disk = Duration::zero();
  bool long_events = true;    // some are longer than their source takes
  std::string configuration;  // of the first life

  bool is_journal(std::size_t channel) const { return journals[channel].has_value(); }
  bool has_journals() const;
  bool has(FaultKind kind) const;
  bool feeds_journal(const SourceScenario& source) const;
  // TOML, as life number `life` of the agent is started with.
  std::string configuration_of(std::uint32_t life) const;
  bool drops(std::size_t channel) const { return channels[channel] != WhenFull::block; }
  // Everything that these sources put has to reach this sink.
  bool feeds(std::size_t source, std::size_t sink) const;
  std::string text() const;  // a few lines for a person
};

// Names of the traits that `Selection::without` may take away.
inline constexpr const char* traits[] = {"shuffle",       "delays",    "partial-reads",
                                         "partial-sends", "latencies", "long-events"};

Scenario draw(std::uint64_t seed, const Selection& selection);

}  // namespace runnel::swarm
