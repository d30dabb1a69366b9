#include "sources/tail/path_pool.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace runnel::sources::tail {

PathPool::Id PathPool::free_place() {
  for (std::size_t index = 0; index < places_.size(); ++index)
    if (!places_[index].used) return static_cast<Id>(index + 1);
  return none;
}

PathPool::Id PathPool::add(Bytes prefix, std::string_view text) {
  const std::size_t size = sizeof(Mark) + prefix.size() + text.size() + 1;
  RUNNEL_ASSERT(size <= UINT16_MAX && places_.size() <= texts_max);
  if (memory_.size() - end_ < size) squeeze();
  if (memory_.size() - end_ < size) return none;
  const Id id = free_place();
  if (id == none) return none;
  std::byte* at = memory_.data() + end_;
  store(at, Mark{id, static_cast<std::uint16_t>(size)});
  at += sizeof(Mark);
  if (!prefix.empty()) std::memcpy(at, prefix.data(), prefix.size());
  if (!text.empty()) std::memcpy(at + prefix.size(), text.data(), text.size());
  at[prefix.size() + text.size()] = std::byte{};
  places_[id - 1u] = {static_cast<std::uint32_t>(end_), static_cast<std::uint16_t>(prefix.size()),
                      static_cast<std::uint16_t>(text.size()), true};
  end_ += size;
  return id;
}

void PathPool::remove(Id id) {
  if (id == none) return;
  Place& place = places_[id - 1u];
  RUNNEL_ASSERT(place.used);
  Mark mark = load<Mark>(memory_.data() + place.at);
  RUNNEL_ASSERT(mark.id == id);
  mark.id = none;
  store(memory_.data() + place.at, mark);
  place = Place();
}

void PathPool::squeeze() {
  std::size_t to = 0;
  for (std::size_t from = 0; from < end_;) {
    const Mark mark = load<Mark>(memory_.data() + from);
    RUNNEL_ASSERT(mark.size > sizeof(Mark) && mark.size <= end_ - from);
    if (mark.id != none) {
      std::memmove(memory_.data() + to, memory_.data() + from, mark.size);
      places_[mark.id - 1u].at = static_cast<std::uint32_t>(to);
      to += mark.size;
    }
    from += mark.size;
  }
  end_ = to;
}

std::string_view PathPool::text(Id id) const {
  RUNNEL_ASSERT(id != none && places_[id - 1u].used);
  const Place& place = places_[id - 1u];
  return as_text(
      Bytes(memory_.data() + place.at + sizeof(Mark) + place.prefix_bytes, place.text_bytes));
}

Bytes PathPool::with_prefix(Id id) const {
  RUNNEL_ASSERT(id != none && places_[id - 1u].used);
  const Place& place = places_[id - 1u];
  return {memory_.data() + place.at + sizeof(Mark),
          static_cast<std::size_t>(place.prefix_bytes) + place.text_bytes};
}

}  // namespace runnel::sources::tail
