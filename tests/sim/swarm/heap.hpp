// The heap of the swarm: it knows what the agent allocated and when. A life of the agent that is
// killed gives nothing back, so its blocks are in a list of their own and freed together; and what
// is allocated while the agent's own code runs after its start is counted, as a violation.
//
// `Inside` marks the agent's code, `Outside` what it calls in the simulator. One thread.
#pragma once

#include <cstdint>

namespace runnel::swarm {

class Inside {
 public:
  Inside();
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

class Outside {
 public:
  Outside();
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

 private:
  bool before_;
};

// From here on the agent's own code must not allocate.
void seal_heap();
void unseal_heap();
// Since the last call; of malloc and its kin too, where no sanitizer owns them.
std::uint64_t take_allocations_after_start();
// Frees what the agent's code has allocated and not given back; how many blocks that were.
std::uint64_t free_what_is_left();

}  // namespace runnel::swarm
