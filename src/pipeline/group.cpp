#include "pipeline/group.hpp"

#include <algorithm>

namespace runnel::pipeline {

async::Task<Status> Group::turn(std::size_t member, bool& waited) {
  waited = false;
  while (!is_turn_of(member)) {
    waited = true;
    const Status rang = co_await changed_.wait();
    if (!rang) co_return rang;
  }
  co_return Status();
}

// One that fails has waited out its back-off when it asks: its trial goes on beside the others.
bool Group::is_turn_of(std::size_t member) const {
  if (policy_ == Policy::load_balance) return true;
  const auto before = states_.begin() + static_cast<std::ptrdiff_t>(member);
  return std::none_of(states_.begin(), before, [](State each) { return each == State::well; });
}

bool Group::has_others(std::size_t member) const {
  for (std::size_t each = 0; each < members_; ++each)
    if (each != member && states_[each] != State::gone) return true;
  return false;
}

void Group::holds(std::size_t member, bool holds) {
  if (hold_[member] == holds) return;
  hold_[member] = holds;
  if (!holds) changed_.ring();
}

async::Task<Status> Group::others(std::size_t member) {
  for (std::size_t each = 0; each < members_; ++each) {
    if (each == member || !hold_[each]) continue;
    const Status rang = co_await changed_.wait();
    co_return rang;
  }
  co_return Error::closed;
}

void Group::set(std::size_t member, State state) {
  if (states_[member] == state) return;
  states_[member] = state;
  changed_.ring();
}

}  // namespace runnel::pipeline
