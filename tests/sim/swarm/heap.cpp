#include "tests/sim/swarm/heap.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

#include "tests/support/allocation_guard.hpp"

namespace runnel::swarm {
namespace {

// In front of every block of operator new.
struct alignas(std::max_align_t) Header {
  Header* next = nullptr;  // null: not the agent's
  Header* before = nullptr;
};

bool inside = false;
bool sealed = false;
std::uint64_t counted_at_entry = 0;
std::uint64_t after_start = 0;
Header first;  // of the ring of the agent's blocks

Header& ring() {
  if (first.next == nullptr) first.next = first.before = &first;
  return first;
}

void enter() {
  inside = true;
  counted_at_entry = test::allocation_count;
}

void leave() {
  inside = false;
  if (sealed && test::allocations_are_counted)
    after_start += test::allocation_count - counted_at_entry;
}

void set_inside(bool to) {
  if (to == inside) return;
  to ? enter() : leave();
}

void* allocate(std::size_t size) {
  if (inside && sealed && !test::allocations_are_counted) ++after_start;
  void* memory = std::malloc(sizeof(Header) + size);
  if (memory == nullptr) std::abort();
  auto* header = new (memory) Header;
  if (inside) {
    Header& last = *ring().before;
    header->before = &last;
    header->next = &first;
    last.next = first.before = header;
  }
  return header + 1;
}

void release(void* block) {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  if (header->next != nullptr) {
    header->next->before = header->before;
    header->before->next = header->next;
  }
  std::free(header);
}

}  // namespace

Inside::Inside() : before_(inside) { set_inside(true); }
Inside::~Inside() { set_inside(before_); }
Outside::Outside() : before_(inside) { set_inside(false); }
Outside::~Outside() { set_inside(before_); }

void seal_heap() { sealed = true; }
void unseal_heap() { sealed = false; }

std::uint64_t take_allocations_after_start() {
  const std::uint64_t count = after_start;
  after_start = 0;
  return count;
}

std::uint64_t free_what_is_left() {
  std::uint64_t count = 0;
  while (ring().next != &first) {
    Header* header = first.next;
    first.next = header->next;
    header->next->before = &first;
    std::free(header);
    ++count;
  }
  return count;
}

}  // namespace runnel::swarm

void* operator new(std::size_t size) { return runnel::swarm::allocate(size); }
void* operator new[](std::size_t size) { return runnel::swarm::allocate(size); }
void operator delete(void* block) noexcept { runnel::swarm::release(block); }
void operator delete[](void* block) noexcept { runnel::swarm::release(block); }
void operator delete(void* block, std::size_t) noexcept { runnel::swarm::release(block); }
void operator delete[](void* block, std::size_t) noexcept { runnel::swarm::release(block); }
