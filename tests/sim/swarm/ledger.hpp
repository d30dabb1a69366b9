// Every event that a peer has put into the world. A stream is one sequence of events: a log and its
// rotations, one TCP connection, one datagram socket. The body of an event says which it is, and
// the rest of it follows from that, so that any damage shows:
//
//   e<stream>.<number>.<letters>
//
// What the agent generates itself is a stream for each life when a journal may keep it for another:
// which one it is shows in the length of the body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::swarm {

enum class StreamKind : std::uint8_t { log, connection, datagrams, generated };

struct Stream {
  StreamKind kind = StreamKind::log;
  std::size_t source = 0;           // index in the scenario
  std::size_t event_bytes_max = 0;  // longer ones arrive cut
  std::uint32_t put = 0;            // numbers 0 .. put - 1 exist
  std::uint32_t life = 0;           // connections: of the agent that accepted it
  bool due = false;                 // everything has to arrive in the end
  bool truncated = false;           // a log that was cut to nothing at least once
  // A log that was rotated twice within a moment: the file in between has a name under which nobody
  // knew it, and is read beside the others.
  bool rotated_in_haste = false;
  // A log's events: in which of its files each is, by the order of making; and its files: in which
  // era each was rotated away.
  std::vector<std::uint32_t> file_of;
  std::vector<std::uint32_t> rotated_in;
  // A number that may be lost for a reason that is not Runnel's.
  std::vector<bool> excused;
  bool is_excused(std::uint32_t number) const { return number < excused.size() && excused[number]; }
  void excuse(std::uint32_t number) {
    if (excused.size() <= number) excused.resize(number + 1, false);
    excused[number] = true;
  }
};

struct EventId {
  std::uint32_t stream = 0;
  std::uint32_t number = 0;
  bool whole = true;  // false: only its beginning, of a connection that broke off
};

struct Recognised {
  enum class What : std::uint8_t {
    event,
    beginning,  // of an event of a connection: what comes when that breaks off
    fragment,   // too short to say of which
    unknown,    // nobody put this, or it is damaged
  };
  What what = What::unknown;
  EventId id;
};

class Ledger {
 public:
  // Grows with each start and each end of the agent: odd while life (era + 1) / 2 is up, and not
  // only starting.
  std::uint32_t era = 0;

  std::uint32_t add(StreamKind kind, std::size_t source, std::size_t event_bytes_max,
                    bool long_events);
  Stream& stream(std::uint32_t id) { return streams_[id]; }
  const Stream& stream(std::uint32_t id) const { return streams_[id]; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(streams_.size()); }

  // What the source makes from now on, in bodies of this size.
  void add_generated(std::size_t source, std::size_t body_bytes);
  // The next event of a stream, appended to `text`.
  void put(std::uint32_t stream, std::string& text);
  Recognised recognise(std::string_view body);

 private:
  std::optional<EventId> recognise_generated(std::string_view body);
  void write_body(std::uint32_t stream, std::uint32_t number, std::string& text) const;
  std::vector<Stream> streams_;
  std::vector<bool> long_;
  std::vector<std::uint32_t> generated_;  // streams
  std::string scratch_;
};

}  // namespace runnel::swarm
