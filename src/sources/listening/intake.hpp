// What a source makes of received bytes. The services read sockets and hand over whole buffers; the
// source makes events of them, in one open put. One virtual call a buffer, none an event: each
// source implements an intake with the templates below and its own way of making one event.
#pragma once

#include <cstddef>
#include <span>

#include "async/recv_stream.hpp"
#include "codec/framing.hpp"
#include "pipeline/outlet.hpp"

namespace runnel::sources {

// One frame or datagram on its way to become an event.
struct RawEvent {
  Bytes bytes;
  std::uint32_t cut_bytes = 0;  // taken off its end
  bool truncated = false;       // cut by the kernel: nobody knows how much
  pipeline::Headers context;    // of the connection or the sender
  Instant arrived;

  bool is_cut() const { return cut_bytes > 0 || truncated; }
};

struct Taken {
  enum class Outcome : std::uint8_t {
    all,       // everything that could be taken was
    no_room,   // the next event waits for room of `wanted_bytes`
    outgrown,  // the open frame waits for a long carry
    broken,    // the stream cannot be understood any more
  };
  Outcome outcome = Outcome::all;
  std::size_t consumed = 0;  // of a stream's input
  std::size_t wanted_bytes = 0;
};

// How far a batch of datagrams has been taken.
struct DatagramCursor {
  std::size_t index = 0;
  std::size_t offset = 0;  // within that datagram
};

class StreamIntake {
 public:
  virtual ~StreamIntake() = default;
  // Frames of a byte stream, as many as are whole and have room. `like` brings what they share.
  virtual Taken take_frames(pipeline::OutletPut& put, codec::FrameSplitter& splitter, Bytes input,
                            const RawEvent& like) = 0;
  // The open frame at the end of a stream.
  virtual Taken take_last_frame(pipeline::OutletPut& put, codec::FrameSplitter& splitter,
                                const RawEvent& like) = 0;
};

class DatagramIntake {
 public:
  virtual ~DatagramIntake() = default;
  // Datagrams from `cursor` on, which moves along.
  virtual Taken take_datagrams(pipeline::OutletPut& put,
                               std::span<const async::BufferLease> datagrams,
                               DatagramCursor& cursor, Instant arrived) = 0;
};

// Appends one event. `events` has:
//   Event make(const RawEvent&)   views into the raw event and into scratch of its own
//   void taken(const RawEvent&)   counts: it is in the put
// Always inline: the event then lives in registers between the frame and the ring.
template <class Events>
[[gnu::always_inline]] inline bool append(Events& events, pipeline::OutletPut& put,
                                          const RawEvent& raw, Taken& taken) {
  pipeline::Event event = events.make(raw);
  const Status status = put.append(event);
  if (!status) [[unlikely]] {
    taken.outcome = Taken::Outcome::no_room;
    taken.wanted_bytes = pipeline::record_bytes(event);
    return false;
  }
  events.taken(raw);
  return true;
}

template <class Events>
Taken take_frames(Events& events, pipeline::OutletPut& put, codec::FrameSplitter& splitter,
                  Bytes input, const RawEvent& like) {
  using Kind = codec::FrameSplitter::Step::Kind;
  Taken taken;
  RawEvent raw = like;
  while (true) {
    const auto step = splitter.look(input.subspan(taken.consumed));
    if (step.kind != Kind::frame) {
      taken.consumed += step.consumed;
      if (step.kind == Kind::broken) taken.outcome = Taken::Outcome::broken;
      if (step.kind == Kind::outgrown) taken.outcome = Taken::Outcome::outgrown;
      return taken;
    }
    // Not one assignment: the compiler would load both halves at once, which waits until the two
    // stores of a moment ago have left the processor's store buffer. A third of this loop's time.
    raw.bytes = Bytes(step.frame.data(), step.frame.size());
    raw.cut_bytes = step.cut_bytes;
    // Not accepted: the next look gives the same frame again.
    if (!append(events, put, raw, taken)) return taken;
    splitter.accept();
    taken.consumed += step.consumed;
  }
}

template <class Events>
Taken take_last_frame(Events& events, pipeline::OutletPut& put, codec::FrameSplitter& splitter,
                      const RawEvent& like) {
  using Kind = codec::FrameSplitter::Step::Kind;
  Taken taken;
  const auto step = splitter.finish();
  if (step.kind == Kind::broken) taken.outcome = Taken::Outcome::broken;
  if (step.kind != Kind::frame) return taken;
  RawEvent raw = like;
  raw.bytes = step.frame;
  raw.cut_bytes = step.cut_bytes;
  if (append(events, put, raw, taken)) splitter.accept();
  return taken;
}

}  // namespace runnel::sources
