// What is wrong with a configuration, all of it: one line a mistake, in the order of the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/toml_reader.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::agent {

class Complaints {
 public:
  static constexpr std::size_t shown_max = 20;
  static constexpr std::size_t line_bytes_max = 512;

  explicit Complaints(std::string_view file_name) : file_name_(file_name) {}

  template <class... Args>
  void add(Place place, const Args&... args) {
    ++count_;
    if (lines_.size() < kept_max) lines_.push_back({place, concat(args...)});
  }
  // The value at `place` is a secret: lines about it end where they would quote it, or a part of
  // it, and others show `***` instead. There, what is too short to be a secret is shown: hidden, it
  // would make the lines unreadable.
  void hide(Place place, std::string secret);
  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }

  // "FILE:LINE:COLUMN: text" lines, the first `shown_max` and how many more there are.
  Problem problem() const;

 private:
  static constexpr std::size_t kept_max = 1000;  // of a hostile file
  static constexpr std::size_t secret_bytes_min = 4;
  struct Line {
    Place place;
    std::string text;
  };
  std::string shown(const Line& line) const;

  std::string_view file_name_;
  std::vector<Line> lines_;
  std::vector<std::string> secrets_;  // the longest first: one may begin another
  std::vector<Place> secret_places_;
  std::size_t count_ = 0;
};

// "; did you mean \"paths\"?" or nothing.
std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> names);
// "tail, tcp, udp"
std::string listed(std::span<const std::string_view> names);

}  // namespace runnel::agent
