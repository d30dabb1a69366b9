// A dead letter: an event that its destination refuses for good, with the reason, as it lies in a
// file. Letters follow one another, each 8-aligned and standing for itself; little-endian.
//
//   0   u32 mark          "RDL1"
//   4   u32 bytes         the whole letter, a multiple of 8
//   8   u32 checksum      CRC-32C of bytes 0 to 8, then of everything from 12 on
//   12  u32 body bytes
//   16  i64 refused       when it was: nanoseconds since 1970
//   24  i64 time          of the event: nanoseconds since 1970
//   32  u16 flags         bit 0: `time` counts from the start of the machine, whose clock nobody
//   knew 34  u16 headers bytes 36  u16 reason bytes 38  u16 batch bytes 40  u8  severity      RFC
//   5424, 8 = none 41  u8  sink bytes 42  u8  source bytes 43  u8 zero, 44 u32 zero 48  sink,
//   source, batch, reason, headers, body, zero to seven bytes of zero
//
// Body "hi" of source "s", refused by sink "a" without a batch or a reason, at 2 ns, event of 1 ns:
//   52 44 4c 31 38 00 00 00 CRC         02 00 00 00 02 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
//   00 00 00 00 00 00 00 00 08 01 01 00 00 00 00 00 61 73 68 69 00 00 00 00
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "pipeline/event.hpp"

namespace runnel::pipeline {

struct DeadLetter {
  static constexpr std::size_t head_bytes = 48;
  static constexpr std::size_t alignment = 8;
  static constexpr std::size_t reason_bytes_max = 200;

  WallTime refused;
  WallTime time;            // of the event
  bool clock_known = true;  // false: `time` counts from the start of the machine
  Severity severity = Severity::none;
  std::string_view sink;    // names of at most 255 bytes
  std::string_view source;  // the same
  std::string_view batch;   // the name that it was sent with (BatchId)
  std::string_view reason;  // a status, a sentence of the peer
  Headers headers;
  Bytes body;

  std::size_t bytes() const {
    return align_up(head_bytes + sink.size() + source.size() + batch.size() + reason.size() +
                        headers.encoded().size() + body.size(),
                    alignment);
  }
};

// What a record of at most so many bytes can become, with everything that is said about it.
std::size_t dead_letter_bytes_max(std::size_t record_bytes);

// `at` has room for letter.bytes().
void write_dead_letter(std::byte* at, const DeadLetter& letter);

// What stands at the beginning of `bytes`, with `left` bytes (at least as many) up to the end of
// the file.
struct DeadLetterLook {
  enum class Kind : std::uint8_t {
    letter,   // a whole one, `bytes` long
    more,     // only `bytes` of the file could tell
    nothing,  // no letter begins here
  };
  Kind kind = Kind::nothing;
  std::size_t bytes = 0;
  DeadLetter letter;  // its views are into what was looked at
};
DeadLetterLook look_at_dead_letter(Bytes bytes, std::uint64_t left);

// Walks a file of letters through a window of its own, whoever does the reading:
//   for (auto step = reader.next(); step != Step::end; step = reader.next())
//     if (step == Step::letter) use(reader.letter());
//     else reader.filled(read(reader.read_at(), reader.room()));
// Any damage is passed over: behind it the next whole letter is found. Start-up and tools only: the
// window grows to the largest letter.
class DeadLetterReader {
 public:
  static constexpr std::size_t window_bytes = 64 * 1024;
  enum class Step : std::uint8_t { letter, read, end };

  explicit DeadLetterReader(std::uint64_t file_bytes, std::size_t window = window_bytes)
      : file_bytes_(file_bytes), buffer_(window) {}

  Step next();
  const DeadLetter& letter() const { return letter_; }  // until `next`
  // After Step::read: what is wanted, and how much of it there was. 0: the file ends here.
  MutableBytes room() { return MutableBytes(buffer_).subspan(size_); }
  std::uint64_t read_at() const { return window_at_ + size_; }
  void filled(std::size_t bytes);

  std::uint64_t letters() const { return letters_; }
  std::size_t largest() const { return largest_; }        // of them, in bytes
  std::uint64_t whole_end() const { return whole_end_; }  // behind the last letter so far
  // In front of a whole letter; what lies behind the last one was torn, or never was one.
  std::uint64_t damaged_bytes() const { return damaged_bytes_; }

 private:
  std::uint64_t at() const { return window_at_ + from_; }
  Step want(std::size_t bytes);

  std::uint64_t file_bytes_;
  std::vector<std::byte> buffer_;
  std::uint64_t window_at_ = 0;  // where the window begins in the file
  std::size_t size_ = 0;         // what of the window is filled
  std::size_t from_ = 0;         // what of it has been looked at
  DeadLetter letter_;
  std::uint64_t letters_ = 0;
  std::size_t largest_ = 0;
  std::uint64_t whole_end_ = 0;
  std::uint64_t damaged_bytes_ = 0;
};

}  // namespace runnel::pipeline
