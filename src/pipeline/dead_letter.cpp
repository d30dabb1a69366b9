#include "pipeline/dead_letter.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "pipeline/batch_id.hpp"
#include "pipeline/record.hpp"

namespace runnel::pipeline {
namespace {

constexpr std::uint32_t mark = 0x314c4452;  // "RDL1"
constexpr std::size_t checksum_at = 8;
constexpr std::uint16_t clock_unknown = 1;
constexpr std::size_t name_bytes_max = 64;

std::uint32_t checksum_of(Bytes letter) {
  return crc32c(letter.subspan(checksum_at + sizeof(std::uint32_t)),
                crc32c(letter.first(checksum_at)));
}

bool are_whole(Headers headers) {
  std::size_t listed = 0;
  bool named = true;
  headers.each([&](std::string_view key, std::string_view value) {
    listed += Headers::entry_overhead + key.size() + value.size();
    named = named && !key.empty();
  });
  return named && listed == headers.encoded().size();
}

bool are_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte each) { return each == std::byte{}; });
}

struct Sizes {
  std::size_t sink, source, batch, reason, headers, body;
};

Sizes sizes_of(const std::byte* at) {
  return {static_cast<std::size_t>(at[41]), static_cast<std::size_t>(at[42]),
          load<std::uint16_t>(at + 38),     load<std::uint16_t>(at + 36),
          load<std::uint16_t>(at + 34),     load<std::uint32_t>(at + 12)};
}

// In 64 bits: a body of 4 GiB must not become a small letter on a small machine.
std::uint64_t used_bytes(const Sizes& sizes) {
  return std::uint64_t{sizes.body} + DeadLetter::head_bytes + sizes.sink + sizes.source +
         sizes.batch + sizes.reason + sizes.headers;
}

}  // namespace

std::size_t dead_letter_bytes_max(std::size_t record_bytes) {
  return align_up(DeadLetter::head_bytes + 2 * name_bytes_max + BatchId::text_bytes_max +
                      DeadLetter::reason_bytes_max + record_bytes,
                  DeadLetter::alignment);
}

void write_dead_letter(std::byte* at, const DeadLetter& letter) {
  const std::size_t size = letter.bytes();
  RUNNEL_ASSERT(size <= UINT32_MAX && letter.sink.size() <= 255 && letter.source.size() <= 255);
  RUNNEL_ASSERT(letter.batch.size() <= 0xFFFF && letter.reason.size() <= 0xFFFF);
  store(at + size - DeadLetter::alignment, std::uint64_t{0});
  store(at, mark);
  store(at + 4, static_cast<std::uint32_t>(size));
  store(at + 12, static_cast<std::uint32_t>(letter.body.size()));
  store(at + 16, static_cast<std::int64_t>(letter.refused.time_since_epoch().count()));
  store(at + 24, static_cast<std::int64_t>(letter.time.time_since_epoch().count()));
  store(at + 32, letter.clock_known ? std::uint16_t{0} : clock_unknown);
  store(at + 34, static_cast<std::uint16_t>(letter.headers.encoded().size()));
  store(at + 36, static_cast<std::uint16_t>(letter.reason.size()));
  store(at + 38, static_cast<std::uint16_t>(letter.batch.size()));
  store(at + 40, letter.severity);
  store(at + 41, static_cast<std::uint8_t>(letter.sink.size()));
  store(at + 42, static_cast<std::uint8_t>(letter.source.size()));
  store(at + 43, std::uint8_t{0});
  store(at + 44, std::uint32_t{0});
  std::byte* to = at + DeadLetter::head_bytes;
  for (const Bytes part : {as_bytes(letter.sink), as_bytes(letter.source), as_bytes(letter.batch),
                           as_bytes(letter.reason), letter.headers.encoded(), letter.body})
    to = put_bytes(to, part);
  store(at + checksum_at, checksum_of({at, size}));
}

DeadLetterLook look_at_dead_letter(Bytes bytes, std::uint64_t left) {
  using Kind = DeadLetterLook::Kind;
  if (left < DeadLetter::head_bytes) return {};
  if (bytes.size() < DeadLetter::head_bytes) return {Kind::more, DeadLetter::head_bytes, {}};
  const std::byte* at = bytes.data();
  const auto size = load<std::uint32_t>(at + 4);
  const Sizes sizes = sizes_of(at);
  const std::uint64_t used = used_bytes(sizes);
  // Invariant: what is taken for the head of a letter has the one size that its parts come to, so
  // that few bytes look like one by accident.
  if (load<std::uint32_t>(at) != mark || size % DeadLetter::alignment != 0 || size > left)
    return {};
  if (used > size || size - used >= DeadLetter::alignment) return {};
  if (bytes.size() < size) return {Kind::more, size, {}};
  const Bytes whole = bytes.first(size);
  if (load<std::uint32_t>(at + checksum_at) != checksum_of(whole)) return {};
  const auto flags = load<std::uint16_t>(at + 32);
  const auto severity = load<std::uint8_t>(at + 40);
  if (flags > clock_unknown || severity > static_cast<std::uint8_t>(Severity::none)) return {};
  if (at[43] != std::byte{} || load<std::uint32_t>(at + 44) != 0) return {};
  if (!are_zero(whole.subspan(static_cast<std::size_t>(used)))) return {};

  DeadLetterLook look{Kind::letter, size, {}};
  DeadLetter& letter = look.letter;
  letter.refused = wall_from_ns(load<std::int64_t>(at + 16));
  letter.time = wall_from_ns(load<std::int64_t>(at + 24));
  letter.clock_known = flags == 0;
  letter.severity = static_cast<Severity>(severity);
  std::size_t from = DeadLetter::head_bytes;
  const auto take = [&](std::size_t count) {
    const Bytes part = whole.subspan(from, count);
    from += count;
    return part;
  };
  letter.sink = as_text(take(sizes.sink));
  letter.source = as_text(take(sizes.source));
  letter.batch = as_text(take(sizes.batch));
  letter.reason = as_text(take(sizes.reason));
  letter.headers = Headers(take(sizes.headers));
  letter.body = take(sizes.body);
  if (!are_whole(letter.headers)) return {};
  return look;
}

// --- reading -------------------------------------------------------------------------------------

DeadLetterReader::Step DeadLetterReader::next() {
  for (;;) {
    const Bytes window = Bytes(buffer_).subspan(from_, size_ - from_);
    const DeadLetterLook look = look_at_dead_letter(window, file_bytes_ - at());
    switch (look.kind) {
      case DeadLetterLook::Kind::more:
        return want(look.bytes);
      case DeadLetterLook::Kind::letter:
        damaged_bytes_ += at() - whole_end_;
        letter_ = look.letter;
        from_ += look.bytes;
        whole_end_ = at();
        ++letters_;
        largest_ = std::max(largest_, look.bytes);
        return Step::letter;
      case DeadLetterLook::Kind::nothing:
        if (file_bytes_ - at() < DeadLetter::head_bytes) return Step::end;
        from_ += DeadLetter::alignment;
    }
  }
}

// Moves what is left to the front of the window, which grows if it must.
DeadLetterReader::Step DeadLetterReader::want(std::size_t bytes) {
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(from_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(size_), buffer_.begin());
  window_at_ += from_;
  size_ -= from_;
  from_ = 0;
  if (buffer_.size() < bytes) buffer_.resize(bytes);
  return Step::read;
}

void DeadLetterReader::filled(std::size_t bytes) {
  RUNNEL_ASSERT(bytes <= buffer_.size() - size_);
  size_ += bytes;
  if (bytes == 0) file_bytes_ = window_at_ + size_;
}

}  // namespace runnel::pipeline
