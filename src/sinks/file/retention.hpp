// What the file sink deletes: finished files that match its path, the oldest (by time of
// modification) first, until the rest is within `keep_bytes` and `keep_age`. Nothing that does not
// match is looked at, and nothing unfinished.
//
// Bounded: a pass looks at `entries_max` names and remembers `candidates_max` of them; an `apply`
// makes `passes_max` passes. What is then still too much goes after the next roll.
#pragma once

#include <span>

#include "async/task.hpp"
#include "pipeline/context.hpp"
#include "sinks/file/settings.hpp"

namespace runnel::sinks {

class Retention {
 public:
  static constexpr std::size_t candidates_max = 8;
  static constexpr std::size_t passes_max = 8;
  static constexpr std::size_t entries_max = 65'536;

  // `candidates` has room for `candidates_max` paths.
  Retention(pipeline::SinkContext& context, const FileSettings& settings,
            std::span<PathText> candidates)
      : context_(context), settings_(settings), paths_(candidates) {}

  async::Task<void> apply();

 private:
  struct Candidate {
    std::int64_t modified_ns = 0;
    std::uint64_t size = 0;
    std::uint64_t device = 0, inode = 0;
    std::size_t path = 0;  // in paths_
  };
  void collect();
  void look_at(std::string_view path);
  void remember(std::string_view path, const io::FileInfo& info);
  bool is_too_much(const Candidate& oldest) const;

  pipeline::SinkContext& context_;
  const FileSettings& settings_;
  std::span<PathText> paths_;
  std::array<Candidate, candidates_max> oldest_;  // sorted, the oldest first
  std::size_t count_ = 0;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace runnel::sinks
