#include "async/frame_arena.hpp"

#include "base/assert.hpp"

namespace runnel::async {
namespace {
FrameArena* arena_in_use = nullptr;
}

FrameArena::FrameArena(MutableBytes memory) : memory_(memory), before_(arena_in_use) {
  arena_in_use = this;
}

FrameArena::~FrameArena() {
  RUNNEL_ASSERT(arena_in_use == this);
  arena_in_use = before_;
}

FrameArena& FrameArena::in_use() {
  RUNNEL_ASSERT(arena_in_use != nullptr);
  return *arena_in_use;
}

void* FrameArena::allocate(std::size_t bytes) {
  RUNNEL_ASSERT(bytes <= frame_bytes_max);
  const std::size_t size_class = class_of(bytes);
  if (Free* reused = free_[size_class]; reused != nullptr) {
    free_[size_class] = reused->next;
    return reused;
  }
  const std::size_t size = size_class * step;
  RUNNEL_ASSERT(size <= memory_.size() - carved_);
  void* frame = memory_.data() + carved_;
  carved_ += size;
  return frame;
}

void FrameArena::release(void* frame, std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  free_[size_class] = new (frame) Free{free_[size_class]};
}

}  // namespace runnel::async
