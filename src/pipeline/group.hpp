// Several sinks that share one subscription: each batch goes to one of them. Who takes the next one
// is the policy's; who fails gives its batch back for the others, and tries again by itself after
// its back-off, with one batch, which it keeps only if it can deliver it.
//
// Batches are acknowledged in any order and committed in theirs. What a member had delivered in
// part when it failed goes out again elsewhere: at least once.
#pragma once

#include <array>
#include <cstdint>

#include "async/notice.hpp"
#include "async/task.hpp"

namespace runnel::pipeline {

class Group {
 public:
  enum class Policy : std::uint8_t {
    failover,      // the first in the list that delivers
    load_balance,  // whoever has nothing in hand
  };
  static constexpr std::size_t members_max = 8;

  // `of_one_sink`: the members are connections of one and the same.
  Group(Policy policy, std::size_t members, bool of_one_sink = false)
      : policy_(policy), members_(members), of_one_sink_(of_one_sink) {}

  bool of_one_sink() const { return of_one_sink_; }

  // Until `member` may take a batch. Ok or cancelled; true in `waited` when it was not its turn at
  // once.
  async::Task<Status> turn(std::size_t member, bool& waited);
  // What became of its last delivery. At first all of them are thought well.
  void delivers(std::size_t member) { set(member, State::well); }
  void fails(std::size_t member) { set(member, State::failing); }
  // Whether it has a batch in hand, which may come back.
  void holds(std::size_t member, bool holds);
  // There is nothing more to take. Until somebody else hands something back, or is done with it:
  // Ok then, `closed` when nobody else has anything in hand.
  async::Task<Status> others(std::size_t member);
  // It takes no more.
  void leaves(std::size_t member) {
    holds(member, false);
    set(member, State::gone);
  }
  // Somebody else could take what this one gives back.
  bool has_others(std::size_t member) const;

 private:
  enum class State : std::uint8_t { well, failing, gone };
  void set(std::size_t member, State state);
  bool is_turn_of(std::size_t member) const;

  Policy policy_;
  std::size_t members_;
  bool of_one_sink_;
  std::array<State, members_max> states_ = {};
  std::array<bool, members_max> hold_ = {};
  async::Notice changed_;
};

}  // namespace runnel::pipeline
