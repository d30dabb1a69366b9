// The tags of a batch: which events share one, and what it is called when their message goes out.
#pragma once

#include "base/region.hpp"
#include "pipeline/sink.hpp"
#include "sinks/forward/tag_template.hpp"

namespace runnel::sinks {

class ForwardTags {
 public:
  // One more than a batch has: it is asked for, and begins the next batch.
  static constexpr std::size_t tags_max = pipeline::Sink::partitions_max + 1;
  using Tag = Text<TagTemplate::tag_bytes_max>;

  static std::span<char> carve(Region& region, const TagTemplate& pattern) {
    const std::size_t tags = pattern.is_constant() ? 1 : tags_max;
    return region.array<char>(tags * pattern.bytes_max(), "tags of a batch");
  }
  ForwardTags(const TagTemplate& pattern, std::span<char> memory);

  // The key of the tag of this event; not zero. The first call after `delivering` begins anew.
  std::uint64_t key_of(const pipeline::Record& record, std::string_view source);
  std::string_view tag(std::uint64_t key) const;
  void delivering() { old_ = true; }

 private:
  std::string_view at(std::size_t index) const {
    return {memory_.data() + index * stride_, sizes_[index]};
  }

  const TagTemplate& pattern_;
  std::span<char> memory_;
  std::size_t stride_;
  std::array<std::uint16_t, tags_max> sizes_ = {};
  std::size_t count_ = 0;
  std::size_t last_ = 0;  // what was asked for last, and of whom
  std::uint16_t last_source_ = 0;
  pipeline::Severity last_severity_ = pipeline::Severity::none;
  bool old_ = false;
};

}  // namespace runnel::sinks
