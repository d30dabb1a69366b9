// A stream gives the same frames in one piece and in pieces of any size, also when frames are
// looked at twice before they are accepted; no frame is empty or longer than the limit; what is
// broken stays so. For framing by newline a second opinion says which frames those are.
#include <algorithm>
#include <utility>

#include "codec/framing.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/framing_outcome.hpp"

using namespace runnel;
using codec::FrameSplitter;
using codec::Framing;
using Outcome = testing::FramingOutcome;
using Kind = FrameSplitter::Step::Kind;

namespace {

void keep(const FrameSplitter& splitter, const FrameSplitter::Step& step, Outcome& outcome) {
  FUZZ_CHECK(step.frame.size() <= splitter.frame_bytes_max());
  FUZZ_CHECK(!step.frame.empty());
  outcome.frames.push_back({std::string(as_text(step.frame)), step.cut_bytes});
}

// What a connection has and what it borrows for frames that outgrow it.
struct Carries {
  explicit Carries(std::size_t frame_bytes_max)
      : own(std::min<std::size_t>(frame_bytes_max, 5)), borrowed(frame_bytes_max) {}
  std::vector<std::byte> own, borrowed;
};

// False: broken.
bool feed(FrameSplitter& splitter, Carries& carries, Bytes input, bool look_twice,
          Outcome& outcome) {
  for (bool moved = false;;) {
    auto step = splitter.look(input);
    if (look_twice && step.kind == Kind::frame) {
      const auto again = splitter.look(input);
      FUZZ_CHECK(again.kind == Kind::frame && again.consumed == step.consumed &&
                 again.cut_bytes == step.cut_bytes && as_text(again.frame) == as_text(step.frame));
      step = again;
    }
    if (step.kind == Kind::broken) {
      FUZZ_CHECK(splitter.look(input).kind == Kind::broken);
      return false;
    }
    FUZZ_CHECK(step.consumed <= input.size());
    if (step.kind == Kind::outgrown) {
      FUZZ_CHECK(step.consumed == 0 && !std::exchange(moved, true));
      splitter.move_carry(carries.borrowed);
      continue;
    }
    if (step.kind == Kind::need_more) {
      FUZZ_CHECK(step.consumed == input.size());
      return true;
    }
    keep(splitter, step, outcome);
    splitter.accept();
    FUZZ_CHECK(!splitter.inside_frame());
    splitter.move_carry(carries.own);
    moved = false;
    input = input.subspan(step.consumed);
  }
}

// Pieces of 1 to 256 bytes, as `sizes` says again and again; without sizes one piece.
Outcome split(Framing framing, std::size_t frame_bytes_max, std::string_view stream,
              std::string_view sizes) {
  Carries carries(frame_bytes_max);
  FrameSplitter splitter(framing, carries.own, frame_bytes_max);
  Outcome outcome;
  for (std::size_t turn = 0; !stream.empty() && !outcome.broken; ++turn) {
    const std::size_t size =
        sizes.empty() ? stream.size()
                      : static_cast<std::uint8_t>(sizes[turn % sizes.size()]) + std::size_t{1};
    const fuzz::Exact piece(stream.substr(0, size));
    outcome.broken = !feed(splitter, carries, piece.bytes(), turn % 3 == 1, outcome);
    stream.remove_prefix(std::min(size, stream.size()));
  }
  if (outcome.broken) return outcome;
  const auto last = splitter.finish();
  if (last.kind == Kind::frame) {
    keep(splitter, last, outcome);
    splitter.accept();
  }
  outcome.broken = last.kind == Kind::broken;
  return outcome;
}

// A line without its newline loses no CR at the end of the stream: it may have had more to come.
Outcome lines_of(std::string_view stream, std::size_t frame_bytes_max) {
  Outcome outcome;
  while (!stream.empty()) {
    const auto end = stream.find('\n');
    std::string_view line = stream.substr(0, end);
    stream.remove_prefix(end == std::string_view::npos ? stream.size() : end + 1);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    const std::string_view kept = line.substr(0, frame_bytes_max);
    if (!line.empty())
      outcome.frames.push_back(
          {std::string(kept), static_cast<std::uint32_t>(line.size() - kept.size())});
  }
  return outcome;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto framing = static_cast<Framing>(input.byte() % 4);
  const std::uint8_t limit = input.byte();
  const std::size_t frame_bytes_max = limit < 128 ? limit + 1u : (limit - 127u) * 64u;
  const std::string_view sizes = input.take(input.byte() % 8 + 1u);
  const std::string_view stream = input.rest();
  const Outcome whole = split(framing, frame_bytes_max, stream, {});
  FUZZ_CHECK(whole == split(framing, frame_bytes_max, stream, sizes));
  FUZZ_CHECK(whole == split(framing, frame_bytes_max, stream, std::string_view("\0", 1)));
  if (framing == Framing::newline) FUZZ_CHECK(whole == lines_of(stream, frame_bytes_max));
  return 0;
}
