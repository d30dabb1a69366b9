// Splits a byte stream into frames, over successive receive buffers. A frame that lies inside one
// buffer is handed out in place; only one that crosses buffers is copied, into the carry buffer
// that the caller gives and keeps. What is longer than `frame_bytes_max` is cut to it, the rest is
// skipped and counted, however long it is. Nothing allocates or grows by itself: a frame that needs
// a larger carry than there is asks for one, so that few large ones can serve many streams.
//
// Looking and accepting are apart, so that a frame can wait for room in a channel:
//   for (;;) {
//     const auto step = splitter.look(input);                  // again: the same frame again
//     if (step.kind != FrameSplitter::Step::Kind::frame) break;
//     ...put step.frame; without room keep `input` and come back later...
//     splitter.accept();
//     input = input.subspan(step.consumed);
//   }
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"

namespace runnel::codec {

enum class Framing : std::uint8_t {
  newline,        // ends at LF; a CR in front of it is not part of it; empty lines are no frames
  length32,       // 4 bytes big-endian length, then as many bytes; empty frames are skipped
  octet_counted,  // RFC 6587 section 3.4.1: "5 hello"
  syslog,         // per frame: a first digit 1-9 means octet_counted, else ends at LF or NUL
};
Result<Framing> framing_from(std::string_view name);  // `malformed`: no such name
std::string_view name_of(Framing framing);

// A counted frame that claims more is not a long frame but another protocol.
inline constexpr std::uint32_t counted_frame_bytes_hard_max = 1u << 30;

class FrameSplitter {
 public:
  struct Step {
    enum class Kind : std::uint8_t {
      frame,      // `frame` is whole; after accept(), `consumed` bytes of the input are done with
      need_more,  // all of the input has been taken (copied or skipped); its buffer is free
      outgrown,   // the open frame does not fit the carry: move_carry() to one of frame_bytes_max()
      broken,     // the stream cannot be understood any more: close it. Every later look says so
    };
    Kind kind = Kind::need_more;
    std::uint32_t cut_bytes = 0;  // how much was taken off the frame's end; stops at 2^32 - 1
    Bytes frame;                  // valid until accept(), and as long as the input is
    std::size_t consumed = 0;
  };

  // `carry` has 1 to `frame_bytes_max` bytes; a smaller one may be outgrown.
  FrameSplitter(Framing framing, MutableBytes carry, std::size_t frame_bytes_max)
      : carry_(carry), frame_bytes_max_(frame_bytes_max), framing_(framing) {
    RUNNEL_ASSERT(!carry.empty() && carry.size() <= frame_bytes_max);
  }
  FrameSplitter(Framing framing, MutableBytes carry)
      : FrameSplitter(framing, carry, carry.size()) {}

  // `input` starts at the first byte that is not consumed. After a frame that was not accepted it
  // must start with the same bytes; there may be more of them.
  Step look(Bytes input) {
    if (state_.phase == Phase::start && !input.empty() && begins_line(input.front())) {
      // The usual case of look_further in a few words: a whole line, in place.
      std::size_t size = near_line_end(input);
      if (size != nowhere) {
        const std::size_t consumed = size + 1;
        if (size > 0 && input[size - 1] == std::byte{'\r'}) --size;
        if (size > 0 && size <= frame_bytes_max_) [[likely]] {
          offered_ = true;
          return {Step::Kind::frame, 0, input.first(size), consumed};
        }
      }
    }
    // Part by part: a result that either way makes in place would have to live in memory.
    const Step further = look_further(input);
    return {further.kind, further.cut_bytes, Bytes(further.frame.data(), further.frame.size()),
            further.consumed};
  }

  // The frame of the last look is done with.
  void accept() {
    RUNNEL_ASSERT(offered_);
    offered_ = false;
    state_ = State{};
  }

  // At the end of the stream, when look() has said need_more: a line without its newline is a
  // frame, and so is what came of a counted frame (`cut_bytes`: what did not). To be accepted as
  // well. need_more: the stream ended between frames; broken: inside a length.
  Step finish();

  // What is held of the open frame moves along and has to fit. A frame that was looked at and not
  // accepted has to be looked at again.
  void move_carry(MutableBytes carry);

  // For the next stream. An open frame is forgotten.
  void reset() {
    state_ = State{};
    offered_ = false;
  }

  // Bytes of an open frame that are held or were skipped: the stream is not between frames.
  bool inside_frame() const { return state_.phase != Phase::start; }
  std::size_t frame_bytes_max() const { return frame_bytes_max_; }

 private:
  enum class Phase : std::uint8_t { start, line, length_digits, length_bytes, counted, broken };
  // What is known of the open frame. A look works on a copy and keeps it only with need_more:
  // that is what makes it repeatable.
  struct State {
    Phase phase = Phase::start;
    std::byte last{};              // of a line: its last byte so far, which may be a CR
    std::uint8_t length_size = 0;  // bytes of the length so far
    std::uint64_t length = 0;      // the length so far; in `counted` what is still to come
    std::size_t held = 0;          // bytes in the carry; never more than it holds
    std::uint64_t skipped = 0;     // bytes after those, which no longer fit
  };

  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  // Two terminators are looked for window by window: a stream that only ever uses one of them must
  // not make every search for the other run over the whole buffer.
  static constexpr std::size_t window_bytes = 1024;

  static std::size_t find(Bytes bytes, char wanted) {
    if (bytes.empty()) return nowhere;
    const void* found = std::memchr(bytes.data(), wanted, bytes.size());
    if (found == nullptr) return nowhere;
    return static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
  }
  bool begins_line(std::byte first) const {
    if (framing_ == Framing::syslog) return first < std::byte{'1'} || first > std::byte{'9'};
    return framing_ == Framing::newline;
  }
  // LF or NUL, whichever comes first.
  static std::size_t find_terminator(Bytes window) {
    const std::size_t newline = find(window, '\n');
    if (newline != nowhere) window = window.first(newline);
    const std::size_t zero = find(window, '\0');
    return zero != nowhere ? zero : newline;
  }
  std::size_t near_line_end(Bytes input) const {
    if (framing_ == Framing::newline) return find(input, '\n');
    return find_terminator(input.first(std::min(window_bytes, input.size())));
  }

  Step look_further(Bytes input);
  Phase first_phase(std::byte first) const;
  std::size_t line_end(Bytes input) const;
  bool outgrows(const State& state, Bytes piece) const {
    return carry_.size() < frame_bytes_max_ && piece.size() > carry_.size() - state.held;
  }
  void hold(State& state, Bytes piece) const;
  Step carried(const State& state, std::size_t consumed);
  Step in_place(Bytes whole, std::size_t consumed);
  Step need_more(const State& state, Bytes input);
  Step outgrown();
  Step broken();

  MutableBytes carry_;
  std::size_t frame_bytes_max_;
  State state_;
  Framing framing_;
  bool offered_ = false;
};

}  // namespace runnel::codec
