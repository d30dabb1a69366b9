#include "sinks/forward/tags.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace runnel::sinks {

ForwardTags::ForwardTags(const TagTemplate& pattern, std::span<char> memory)
    : pattern_(pattern), memory_(memory), stride_(pattern.bytes_max()) {
  if (!pattern.is_constant()) return;
  TextWriter out(memory_);
  pattern.write_with({}, out);
  sizes_[0] = static_cast<std::uint16_t>(out.size());
  count_ = 1;
}

std::uint64_t ForwardTags::key_of(const pipeline::Record& record, std::string_view source) {
  if (pattern_.is_constant()) return 1;
  if (old_) count_ = last_ = 0;
  old_ = false;
  // Neighbours mostly come from the same source; to write its name anew costs more than to see
  // that.
  if (count_ > 0 && !pattern_.reads_headers() && record.source() == last_source_ &&
      record.severity() == last_severity_)
    return last_ + 1;
  last_source_ = record.source();
  last_severity_ = record.severity();
  Text<TagTemplate::tag_bytes_max> wanted;
  pattern_.write(record, source, wanted);
  if (count_ > 0 && at(last_) == wanted.text()) return last_ + 1;
  std::size_t index = 0;
  while (index < count_ && at(index) != wanted.text()) ++index;
  if (index == count_) {
    // Invariant: the runner ends a batch at `partitions_max` different keys.
    RUNNEL_ASSERT(count_ < tags_max);
    std::copy_n(wanted.text().data(), wanted.size(), memory_.data() + index * stride_);
    sizes_[index] = static_cast<std::uint16_t>(wanted.size());
    ++count_;
  }
  last_ = index;
  return index + 1;
}

std::string_view ForwardTags::tag(std::uint64_t key) const {
  if (pattern_.is_constant()) return at(0);
  RUNNEL_ASSERT(key > 0 && key <= count_);
  return at(static_cast<std::size_t>(key) - 1);
}

}  // namespace runnel::sinks
