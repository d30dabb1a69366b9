// The runner's way with a frame that its destination wants in pieces.
#include <algorithm>
#include <cstring>

#include "pipeline/sink_runner.hpp"

namespace runnel::pipeline {

using async::Task;

namespace {

// Pieces of a part that has a key of its own.
std::uint64_t name_of_piece(std::uint64_t key, std::uint32_t from, std::uint32_t count) {
  const std::uint64_t place = std::uint64_t{from} << 32 | count;
  if (key == 0) return place;
  constexpr std::uint64_t odd = 0x9E37'79B9'7F4A'7C15;  // 2^64 over the golden ratio
  const std::uint64_t mixed = (key ^ place * odd) * odd;
  return mixed ^ mixed >> 32;
}

}  // namespace

// The destination has a limit that nobody told us: pieces are halved until they pass it, and stay
// at that for this batch. Or there is something that it does not want: pieces are halved until that
// stands alone, and grow again. A single event that does not pass has been given up by
// `deliver_frame`.
Task<bool> SinkRunner::deliver_in_pieces(const Part& part, std::uint32_t piece) {
  const bool grows = pieces_ == Pieces::growing;
  head_at_ = part.begin;
  for (std::uint32_t from = 0; from < part.events;) {
    const std::uint32_t count = std::min(piece, part.events - from);
    const Part next = piece_of(part, from, count);
    cut_out(part, next);
    const bool delivered = co_await deliver_part(next);
    put_back(next);
    if (!delivered) co_return false;
    if (gives_back_) co_return true;
    if (pieces_ != Pieces::none) {
      piece = count / 2;
    } else {
      from += count;
      if (grows) piece = count * 2;
    }
  }
  co_return true;
}

SinkRunner::Part SinkRunner::piece_of(const Part& part, std::uint32_t from,
                                      std::uint32_t count) const {
  const auto ends = encoder_.ends().subspan(part.first_end, part.events);
  Part piece = part;
  piece.name = name_of_piece(part.key, from, count);
  if (from > 0) piece.begin = ends[from - 1];
  const bool last = from + count == part.events;
  if (!last) piece.end = ends[from + count - 1];
  // In an array the comma in front becomes the bracket.
  if (settings_.json_array && from > 0) --piece.begin;
  if (const RecordFormat* format = settings_.format) {
    if (from > 0) piece.begin = piece.begin + format->separator().size() - part.head_bytes;
    if (!last) piece.end += format->tail().size();
  }
  piece.events = count;
  piece.first_event = from;
  piece.is_piece = true;
  piece.first_end = part.first_end + from;
  return piece;
}

// Gives a piece the head and the tail of the whole. The head goes over what has been delivered, the
// tail over what comes next, which is put back.
void SinkRunner::cut_out(const Part& part, const Part& piece) {
  close_array(piece, true);
  if (settings_.format == nullptr) return;
  std::byte* const plain = memory_.plain.data();
  std::memmove(plain + piece.begin, plain + head_at_, part.head_bytes);
  head_at_ = piece.begin;
  const std::string_view tail = settings_.format->tail();
  RUNNEL_ASSERT(tail.size() <= behind_.size() && piece.end <= part.end);
  std::memcpy(behind_.data(), plain + piece.end - tail.size(), tail.size());
  std::copy(tail.begin(), tail.end(), reinterpret_cast<char*>(plain + piece.end - tail.size()));
}

void SinkRunner::put_back(const Part& piece) {
  close_array(piece, false);
  if (settings_.format == nullptr) return;
  const std::size_t tail_bytes = settings_.format->tail().size();
  std::memcpy(memory_.plain.data() + piece.end - tail_bytes, behind_.data(), tail_bytes);
}

void SinkRunner::close_array(const Part& piece, bool closed) {
  if (!settings_.json_array) return;
  memory_.plain[piece.begin] = std::byte{'['};
  const bool last = piece.end == encoder_.plain().size();
  memory_.plain[piece.end - 1] = std::byte{closed || last ? std::uint8_t{']'} : std::uint8_t{','}};
}

bool SinkRunner::can_be_halved(const Frame& frame) const {
  return frame.events > 1 && settings_.event_ends;
}

}  // namespace runnel::pipeline
