#include "codec/framing.hpp"

#include <algorithm>
#include <limits>

#include "base/mark.hpp"

namespace runnel::codec {
namespace {

constexpr std::uint8_t length_digits_max = 10;

std::uint32_t saturated(std::uint64_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

struct FramingName {
  Framing framing;
  std::string_view name;
};
constexpr FramingName framing_names[] = {
    {Framing::newline, "newline"},
    {Framing::length32, "length32"},
    {Framing::octet_counted, "octet_counted"},
    {Framing::syslog, "syslog"},
};

}  // namespace

Result<Framing> framing_from(std::string_view name) {
  for (const auto& known : framing_names)
    if (known.name == name) return known.framing;
  return fail(Error::malformed);
}

std::string_view name_of(Framing framing) {
  return framing_names[static_cast<std::size_t>(framing)].name;
}

FrameSplitter::Phase FrameSplitter::first_phase(std::byte first) const {
  if (begins_line(first)) return Phase::line;
  return framing_ == Framing::length32 ? Phase::length_bytes : Phase::length_digits;
}

std::size_t FrameSplitter::line_end(Bytes input) const {
  if (framing_ == Framing::newline) return find(input, '\n');
  for (std::size_t at = 0; at < input.size(); at += window_bytes) {
    const std::size_t end =
        find_terminator(input.subspan(at, std::min(window_bytes, input.size() - at)));
    if (end != nowhere) return at + end;
  }
  return nowhere;
}

void FrameSplitter::move_carry(MutableBytes carry) {
  RUNNEL_ASSERT(carry.size() >= state_.held && carry.size() <= frame_bytes_max_);
  offered_ = false;
  if (state_.held > 0) std::memcpy(carry.data(), carry_.data(), state_.held);
  carry_ = carry;
}

void FrameSplitter::hold(State& state, Bytes piece) const {
  if (piece.empty()) return;
  const std::size_t fits = std::min(piece.size(), carry_.size() - state.held);
  if (fits > 0) std::memcpy(carry_.data() + state.held, piece.data(), fits);
  state.held += fits;
  state.skipped += piece.size() - fits;
  state.last = piece.back();
}

FrameSplitter::Step FrameSplitter::carried(const State& state, std::size_t consumed) {
  RUNNEL_ASSERT(state.held <= carry_.size());
  passed(Seldom::frame_crossed_buffers);
  offered_ = true;
  return {Step::Kind::frame, saturated(state.skipped), carry_.first(state.held), consumed};
}

FrameSplitter::Step FrameSplitter::in_place(Bytes whole, std::size_t consumed) {
  offered_ = true;
  const std::size_t kept = std::min(whole.size(), frame_bytes_max_);
  return {Step::Kind::frame, saturated(whole.size() - kept), whole.first(kept), consumed};
}

FrameSplitter::Step FrameSplitter::need_more(const State& state, Bytes input) {
  offered_ = false;
  state_ = state;
  return {Step::Kind::need_more, 0, {}, input.size()};
}

// Nothing of this look is kept: after the move the same input is looked at again.
FrameSplitter::Step FrameSplitter::outgrown() {
  offered_ = false;
  return {Step::Kind::outgrown, 0, {}, 0};
}

FrameSplitter::Step FrameSplitter::broken() {
  offered_ = false;
  state_ = State{};
  state_.phase = Phase::broken;
  return {Step::Kind::broken, 0, {}, 0};
}

// Every turn consumes at least one byte or changes to a phase that does.
FrameSplitter::Step FrameSplitter::look_further(Bytes input) {
  State state = state_;
  std::size_t at = 0;
  while (at < input.size()) {
    const Bytes rest = input.subspan(at);
    switch (state.phase) {
      case Phase::start:
        state.phase = first_phase(rest.front());
        break;

      case Phase::line: {
        const std::size_t end = line_end(rest);
        if (end == nowhere) {
          if (outgrows(state, rest)) return outgrown();
          hold(state, rest);
          return need_more(state, input);
        }
        at += end + 1;
        Bytes line = rest.first(end);
        if (state.held == 0) {
          if (!line.empty() && line.back() == std::byte{'\r'}) line = line.first(end - 1);
          if (!line.empty()) return in_place(line, at);
        } else {
          if (outgrows(state, line)) return outgrown();
          hold(state, line);
          if (state.last == std::byte{'\r'}) {
            if (state.skipped > 0)
              --state.skipped;
            else
              --state.held;
          }
          if (state.held > 0) return carried(state, at);
        }
        state = State{};
        break;
      }

      case Phase::length_digits: {
        const auto byte = std::to_integer<std::uint32_t>(rest.front());
        ++at;
        if (byte >= '0' && byte <= '9') {
          if (state.length_size == 0 && byte == '0') return broken();
          if (++state.length_size > length_digits_max) return broken();
          state.length = state.length * 10 + (byte - '0');
          break;
        }
        if (byte != ' ' || state.length_size == 0) return broken();
        if (state.length > counted_frame_bytes_hard_max) return broken();
        state.phase = Phase::counted;
        break;
      }

      case Phase::length_bytes:
        ++at;
        state.length = state.length << 8 | std::to_integer<std::uint64_t>(rest.front());
        if (++state.length_size < 4) break;
        if (state.length > counted_frame_bytes_hard_max) return broken();
        if (state.length == 0) {
          state = State{};
          break;
        }
        state.phase = Phase::counted;
        break;

      case Phase::counted: {
        RUNNEL_ASSERT(state.length > 0);
        const auto here =
            static_cast<std::size_t>(std::min<std::uint64_t>(state.length, rest.size()));
        at += here;
        const bool whole = here == state.length;
        if (whole && state.held == 0) return in_place(rest.first(here), at);
        if (outgrows(state, rest.first(here))) return outgrown();
        hold(state, rest.first(here));
        state.length -= here;
        if (whole) return carried(state, at);
        break;
      }

      case Phase::broken:
        return broken();
    }
  }
  if (state.phase == Phase::broken) return broken();
  return need_more(state, input);
}

FrameSplitter::Step FrameSplitter::finish() {
  switch (state_.phase) {
    case Phase::start:
      break;
    case Phase::line:
      return carried(state_, 0);
    case Phase::counted: {
      State state = state_;
      state.skipped += state.length;
      if (state.held > 0) return carried(state, 0);
      return broken();
    }
    case Phase::length_digits:
    case Phase::length_bytes:
    case Phase::broken:
      return broken();
  }
  return {};
}

}  // namespace runnel::codec
