// The memory of one component, carved once at start. The same carving code runs twice: over a
// measuring region, which only counts (its spans have no memory behind them and must not be
// touched), and over the real one, which must come to identical bytes. After `seal` a further
// carve is a broken invariant. Bytes are not touched by carving: pages that are never used never
// become resident.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace runnel {

// What `validate --memory` prints: one carve.
struct PlanLine {
  const char* what;  // static text: "ring", "connection 64 x 8 KiB"
  std::size_t count;
  std::size_t bytes;  // all of them, with the padding in front
};

class Region {
 public:
  // `page_bytes`: the machine's, or anything smaller where no kernel gets to see the memory.
  static Region measuring(std::size_t page_bytes = base_alignment) {
    return Region(MutableBytes{}, page_bytes, true);
  }
  // Carves from `memory`, which the caller owns and keeps until everything carved is gone. It must
  // be zero (fresh pages are) and aligned to `page_bytes`, the same as when it was measured.
  static Region over(MutableBytes memory, std::size_t page_bytes = base_alignment) {
    return Region(memory, page_bytes, false);
  }

  // What every region has at least; pages may be larger (16 and 64 KiB on some ARM kernels).
  static constexpr std::size_t base_alignment = 4096;
  std::size_t page_bytes() const { return page_bytes_; }

  // `count` bytes, untouched. Alignment 64 keeps neighbours off each other's cache lines.
  MutableBytes bytes(std::size_t count, const char* what, std::size_t alignment = 64) {
    std::byte* at = take(count, alignment, count, what);
    return {at, count};
  }

  // `count` default-constructed objects. They are never destroyed: T keeps nothing outside itself.
  template <class T>
  std::span<T> array(std::size_t count, const char* what) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    void* at = take(count * sizeof(T), alignof(std::max_align_t), count, what);
    T* first = static_cast<T*>(at);
    if (!measuring_)
      for (std::size_t index = 0; index < count; ++index) new (first + index) T();
    return {first, count};
  }

  // One object; whoever gets it calls its destructor. Null on a measuring region.
  template <class T, class... Args>
  T* emplace(const char* what, Args&&... args) {
    std::byte* at = take(sizeof(T), alignof(std::max_align_t), 1, what);
    return measuring_ ? nullptr : new (at) T(std::forward<Args>(args)...);
  }

  // Room for `count` coroutine frames of at most `bytes_each`, in the arena that all tasks share.
  void frames(std::size_t count, std::size_t bytes_each) { frame_bytes_ += count * bytes_each; }

  // Handles that may be open at once: drivers with tables size them by the sum.
  void handles(std::size_t count) { handles_ += count; }

  // Room for one T, to be constructed in place with arguments that a measuring pass does not have.
  template <class T>
  void* place(const char* what) {
    return take(sizeof(T), alignof(std::max_align_t), 1, what);
  }

  void seal() { sealed_ = true; }
  bool is_measuring() const { return measuring_; }
  std::size_t used() const { return used_; }
  std::size_t frame_bytes() const { return frame_bytes_; }
  std::size_t handles() const { return handles_; }
  const std::vector<PlanLine>& lines() const { return lines_; }  // measuring regions only

 private:
  Region(MutableBytes memory, std::size_t page_bytes, bool measuring)
      : memory_(memory), page_bytes_(page_bytes), measuring_(measuring) {}
  std::byte* take(std::size_t size, std::size_t alignment, std::size_t count, const char* what);

  MutableBytes memory_;
  std::size_t page_bytes_;
  std::size_t used_ = 0;
  std::size_t frame_bytes_ = 0;
  std::size_t handles_ = 0;
  bool measuring_;
  bool sealed_ = false;
  std::vector<PlanLine> lines_;
};

}  // namespace runnel
