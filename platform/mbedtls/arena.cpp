#include "platform/mbedtls/arena.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <mbedtls/platform_util.h>

#include "base/assert.hpp"

namespace runnel::mbedtls {

Arena::Arena(MutableBytes memory) : memory_(memory) {
  RUNNEL_ASSERT(memory.size() >= head_bytes + piece_least && memory.size() < bytes_max);
  begin();
}

void Arena::wipe() {
  mbedtls_platform_zeroize(memory_.data(), memory_.size());
  first_ = {};
  filled_ = {};
  used_ = 0;
  begin();
}

// Memory is one free piece behind the gap that aligns what is handed out.
void Arena::begin() {
  const std::size_t size = (memory_.size() - head_bytes) / piece_least * piece_least;
  end_ = static_cast<Offset>(head_bytes + size);
  put_head(head_bytes, {static_cast<std::uint32_t>(size), 0});
  list(head_bytes, static_cast<std::uint32_t>(size));
}

std::size_t Arena::class_of(std::size_t size) {
  if (size <= exact_most) return size / 16;
  const auto octave = static_cast<std::size_t>(std::bit_width(size)) - 1;
  return exact_most / 16 + (octave - 9) * 8 + (size >> (octave - 3)) - 8 + 1;
}

std::size_t Arena::class_that_fits(std::size_t size) {
  if (size <= exact_most) return size / 16;
  const auto octave = static_cast<std::size_t>(std::bit_width(size)) - 1;
  const std::size_t step = std::size_t{1} << (octave - 3);
  return class_of(size + step - 1);
}

Arena::Offset Arena::find(std::size_t size) const {
  const std::size_t fits = class_that_fits(size);
  for (std::size_t word = fits / 64; word < filled_.size(); ++word) {
    std::uint64_t bits = filled_[word];
    if (word == fits / 64) bits &= ~std::uint64_t{0} << fits % 64;
    if (bits != 0)
      return offset_of(first_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))]);
  }
  // Nearly full. Of the class that it would be in itself, a few may be large enough.
  Offset at = offset_of(first_[class_of(size)]);
  for (int looked_at = 0; at != nowhere && looked_at < 8; ++looked_at) {
    if (head(at).size >= size) return at;
    at = links(at).next;
  }
  return nowhere;
}

void Arena::list(Offset at, std::uint32_t size) {
  const std::size_t index = class_of(size);
  const Offset next = offset_of(first_[index]);
  put_links(at, {next, nowhere});
  if (next != nowhere) put_links(next, {links(next).next, at});
  first_[index] = number_of(at);
  filled_[index / 64] |= std::uint64_t{1} << index % 64;
}

void Arena::unlist(Offset at, std::uint32_t size) {
  const std::size_t index = class_of(size);
  const Links mine = links(at);
  if (mine.next != nowhere) put_links(mine.next, {links(mine.next).next, mine.previous});
  if (mine.previous != nowhere)
    put_links(mine.previous, {mine.next, links(mine.previous).previous});
  else
    first_[index] = number_of(mine.next);
  if (first_[index] == 0) filled_[index / 64] &= ~(std::uint64_t{1} << index % 64);
}

void* Arena::allocate(std::size_t bytes) {
  const std::size_t size =
      bytes < bytes_max ? std::max(align_up(bytes + head_bytes, 16), piece_least) : bytes_max;
  const Offset at = size < bytes_max ? find(size) : nowhere;
  if (at == nowhere) {
    ran_out_ = true;
    return nullptr;
  }
  Head mine = head(at);
  // Otherwise somebody has written to memory that was given back.
  RUNNEL_ASSERT((mine.size & live_bit) == 0 && mine.size >= size && at + mine.size <= end_);
  unlist(at, mine.size);
  const auto wanted = static_cast<std::uint32_t>(size);
  const std::uint32_t rest = mine.size - wanted;
  const Offset behind = at + mine.size;
  if (rest > 0) {
    put_head(at + wanted, {rest, wanted});
    list(at + wanted, rest);
    if (behind < end_) put_head(behind, {head(behind).size, rest});
  }
  put_head(at, {wanted | live_bit, mine.before});
  used_ += wanted;
  peak_ = std::max(peak_, used_);
  void* const memory = memory_.data() + at + head_bytes;
  std::memset(memory, 0, bytes);
  return memory;
}

void Arena::release(void* memory) {
  auto at = static_cast<Offset>(static_cast<std::byte*>(memory) - memory_.data() -
                                static_cast<std::ptrdiff_t>(head_bytes));
  Head mine = head(at);
  // Otherwise it was given back before, or somebody has written past an end.
  RUNNEL_ASSERT((mine.size & live_bit) != 0);
  mine.size &= ~live_bit;
  used_ -= mine.size;
  const Offset behind = at + mine.size;
  RUNNEL_ASSERT(behind <= end_ && (behind == end_ || head(behind).before == mine.size));
  if (behind < end_) {
    const Head next = head(behind);
    if ((next.size & live_bit) == 0) {
      unlist(behind, next.size);
      mine.size += next.size;
    }
  }
  if (mine.before != 0) {
    const Offset front = at - mine.before;
    const Head previous = head(front);
    if ((previous.size & live_bit) == 0) {
      unlist(front, previous.size);
      mine = {previous.size + mine.size, previous.before};
      at = front;
    }
  }
  put_head(at, mine);
  list(at, mine.size);
  if (at + mine.size < end_) put_head(at + mine.size, {head(at + mine.size).size, mine.size});
}

Call* Call::current_ = nullptr;

Call& Call::current() {
  RUNNEL_ASSERT(current_ != nullptr);
  return *current_;
}

void* Call::allocate(std::size_t bytes) {
  Arena* const lent = memory_.lent;
  if (lent == nullptr) return memory_.own.allocate(bytes);
  Arena& first = memory_.lent_first ? *lent : memory_.own;
  Arena& second = memory_.lent_first ? memory_.own : *lent;
  if (void* const memory = first.allocate(bytes); memory != nullptr) return memory;
  first.take_ran_out();
  return second.allocate(bytes);
}

void Call::release(void* memory) {
  // What is lent lies inside of what is own.
  if (memory_.lent != nullptr && memory_.lent->owns(memory)) return memory_.lent->release(memory);
  Arena& owner = memory_.own.owns(memory) ? memory_.own : shared();
  RUNNEL_ASSERT(owner.owns(memory));
  owner.release(memory);
}

}  // namespace runnel::mbedtls

using runnel::mbedtls::Call;

// What the library knows as calloc and free (cmake/mbedtls.cmake).
extern "C" {
void* runnel_tls_calloc(std::size_t count, std::size_t size);
void runnel_tls_free(void* memory);

void* runnel_tls_calloc(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  return Call::current().allocate(bytes);
}

void runnel_tls_free(void* memory) {
  if (memory != nullptr) Call::current().release(memory);
}
}
