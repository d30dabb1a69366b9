// Where coroutine frames live: one planned block, carved into size classes as frames are first
// made, each class with its own free list. A frame that has ended makes room for frames of its own
// class only, so the plan is the sum over kinds of tasks of (how many at once x how large). One
// arena is in use at a time, because operator new of a promise has no other way to find it.
#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.hpp"

namespace runnel::async {

class FrameArena {
 public:
  // Frames grow without optimisation and with sanitizers; what components plan is for release.
#if defined(__OPTIMIZE__) && !defined(RUNNEL_SANITIZED)
  static constexpr std::size_t build_factor = 1;
#else
  static constexpr std::size_t build_factor = 3;
#endif
  static constexpr std::size_t frame_bytes_max = 16 * 1024 * build_factor;

  // `memory` is aligned for anything and outlives every frame. Becomes the arena in use.
  explicit FrameArena(MutableBytes memory);
  ~FrameArena();
  FrameArena(const FrameArena&) = delete;
  FrameArena& operator=(const FrameArena&) = delete;

  // Running out means that a component planned too few frames: asserts.
  void* allocate(std::size_t bytes);
  void release(void* frame, std::size_t bytes);

  std::size_t carved_bytes() const { return carved_; }  // the most that was ever in use, by class
  static FrameArena& in_use();

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t step = 64;
  static std::size_t class_of(std::size_t bytes) { return (bytes + step - 1) / step; }

  MutableBytes memory_;
  std::size_t carved_ = 0;
  std::array<Free*, frame_bytes_max / step + 1> free_ = {};
  FrameArena* before_;
};

}  // namespace runnel::async
