// Which records of the batch at hand its destination has refused, and why: a byte for each of them,
// and a few reasons. A batch whose parts are refused for more reasons than there is room for keeps
// the first ones; the rest say the last of those.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "pipeline/dead_letter.hpp"

namespace runnel::pipeline {

class Refusals {
 public:
  static constexpr std::size_t reasons_max = 8;
  using Reason = std::uint8_t;  // 0: not refused

  // `marks`: one for every record of a batch; they outlive this.
  explicit Refusals(std::span<Reason> marks) : marks_(marks) {}

  bool any() const { return count_ > 0; }
  std::uint32_t count() const { return count_; }

  Reason reason(std::string_view text) {
    text = text.substr(0, DeadLetter::reason_bytes_max);
    for (std::size_t index = 0; index < reason_count_; ++index)
      if (reasons_[index].text() == text) return static_cast<Reason>(index + 1);
    if (reason_count_ == reasons_.size()) return static_cast<Reason>(reason_count_);
    reasons_[reason_count_].clear();
    reasons_[reason_count_] << text;
    return static_cast<Reason>(++reason_count_);
  }
  void add(std::size_t index, Reason reason) {
    RUNNEL_ASSERT(index < marks_.size() && reason != 0);
    if (marks_[index] == 0) ++count_;
    marks_[index] = reason;
  }
  // Its reason; empty when the record was not refused, or is done with.
  bool has(std::size_t index) const { return index < marks_.size() && marks_[index] != 0; }
  std::string_view why(std::size_t index) const { return reasons_[marks_[index] - 1u].text(); }
  void done(std::size_t index) {
    RUNNEL_ASSERT(has(index));
    marks_[index] = 0;
    --count_;
  }
  void clear() {
    if (any()) std::fill(marks_.begin(), marks_.end(), Reason{0});
    count_ = 0;
    reason_count_ = 0;
  }

 private:
  std::span<Reason> marks_;
  std::uint32_t count_ = 0;
  std::array<Text<DeadLetter::reason_bytes_max>, reasons_max> reasons_;
  std::size_t reason_count_ = 0;
};

}  // namespace runnel::pipeline
