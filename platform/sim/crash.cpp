// What is durable, and what a power loss makes of the rest.
#include <algorithm>
#include <cstring>

#include "platform/sim/files.hpp"

namespace runnel::sim {

SyncPoint SimFiles::begin_sync(Inode inode) {
  Node& file = node(inode);
  // Writes from now on carry a higher epoch: this sync does not promise them.
  return {file.epoch++, file.data.size(), next_sequence_};
}

void SimFiles::finish_sync(Inode inode, const SyncPoint& point) {
  Node& target = node(inode);
  if (target.kind == io::FileInfo::Kind::folder) {
    // Backwards: what this folder needs, and what the other folders of a rename need before it, so
    // that no folder's changes ever become durable out of order.
    std::vector<Inode> folders{inode};
    std::vector<bool> due(journal_.size(), false);
    for (std::size_t index = journal_.size(); index-- > 0;) {
      const JournalRecord& record = journal_[index];
      if (record.sequence >= point.journal_end) continue;
      due[index] = std::any_of(folders.begin(), folders.end(),
                               [&](Inode folder) { return record.touches(folder); });
      if (!due[index]) continue;
      for (std::uint32_t part = 0; part < record.count; ++part)
        folders.push_back(record.changes[part].folder);
    }
    std::deque<JournalRecord> all;
    all.swap(journal_);
    for (std::size_t index = 0; index < all.size(); ++index) {
      if (due[index]) {
        make_durable(all[index]);
        forget(all[index]);
      } else {
        journal_.push_back(std::move(all[index]));
      }
    }
    return;
  }
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(point.size, target.data.size()));
  target.durable.resize(size);
  bool any_left = false;
  for (std::size_t sector = target.dirty_begin; sector < target.dirty_end; ++sector) {
    auto& stamp = target.stamps[sector];
    if (stamp == 0) continue;
    if (stamp > point.epoch) {
      any_left = true;
      // An append that came during the sync shares this sector with bytes that it did promise:
      // whichever image of the sector a device has kept, those are in it.
      const std::size_t shared = sector * sector_bytes;
      if (shared < size && size < shared + sector_bytes)
        std::memcpy(target.durable.data() + shared, target.data.data() + shared, size - shared);
      continue;
    }
    stamp = 0;
    const std::size_t from = sector * sector_bytes;
    if (from >= size) continue;
    const std::size_t count = std::min(sector_bytes, size - from);
    std::memcpy(target.durable.data() + from, target.data.data() + from, count);
  }
  if (!any_left) target.dirty_begin = target.dirty_end = 0;
}

void SimFiles::fail_sync(Inode inode, const SyncPoint& point) {
  Node& target = node(inode);
  for (std::size_t sector = target.dirty_begin; sector < target.dirty_end; ++sector)
    if (target.stamps[sector] <= point.epoch) target.stamps[sector] = 0;
}

void SimFiles::sync_all() {
  for (const JournalRecord& record : journal_) make_durable(record);
  std::deque<JournalRecord> done;
  done.swap(journal_);
  for (const JournalRecord& record : done) forget(record);
  for (Inode inode = 1; inode < nodes_.size(); ++inode) {
    if (!nodes_[inode].used || nodes_[inode].kind != io::FileInfo::Kind::regular) continue;
    if (nodes_[inode].links == 0 && nodes_[inode].opens == 0) continue;
    finish_sync(inode, begin_sync(inode));
  }
}

// Sectors keep what they held or get what was last written; which ones is one of four styles, so
// that the extremes (nothing, all, a clean cut) come up as often as the mixture.
void SimFiles::tear(Node& file, Random& random) {
  const bool dirty = file.dirty_begin < file.dirty_end;
  if (!dirty && file.data.size() == file.durable.size()) return;
  enum class Style : std::uint8_t { nothing, everything, beginning, mixture };
  const auto style = static_cast<Style>(random.below(4));
  if (style == Style::nothing) return;

  const std::size_t least = std::min(file.data.size(), file.durable.size());
  const std::size_t most = std::max(file.data.size(), file.durable.size());
  const std::size_t cut = random.between(file.dirty_begin, file.dirty_end);
  std::size_t size = file.data.size();
  if (style == Style::beginning && size > file.durable.size())
    size = std::clamp(cut * sector_bytes, least, most);
  if (style == Style::mixture) {
    switch (random.below(3)) {
      case 0:
        size = file.durable.size();
        break;
      case 1:
        size = file.data.size();
        break;
      default:
        size = std::clamp(random.between(least, most) / sector_bytes * sector_bytes, least, most);
    }
  }
  file.durable.resize(size);
  const std::size_t end = std::min(file.dirty_end, file.stamps.size());
  for (std::size_t sector = file.dirty_begin; sector < end; ++sector) {
    if (file.stamps[sector] == 0) continue;
    const bool kept = style == Style::everything || (style == Style::beginning && sector < cut) ||
                      (style == Style::mixture && random.below(2) == 0);
    const std::size_t from = sector * sector_bytes;
    const std::size_t limit = std::min(size, file.data.size());
    if (!kept || from >= limit) continue;
    std::memcpy(file.durable.data() + from, file.data.data() + from,
                std::min(sector_bytes, limit - from));
  }
}

void SimFiles::mark_reachable(Inode folder, std::vector<bool>& reachable) const {
  reachable[folder] = true;
  for (const auto& [name, child] : nodes_[folder].durable_entries) {
    if (reachable[child]) continue;
    if (nodes_[child].kind == io::FileInfo::Kind::folder) mark_reachable(child, reachable);
    reachable[child] = true;
  }
}

void SimFiles::restore_from_durable() {
  std::vector<bool> reachable(nodes_.size(), false);
  mark_reachable(1, reachable);
  free_.clear();
  used_bytes_ = 0;
  for (Inode inode = 1; inode < nodes_.size(); ++inode) {
    Node& each = nodes_[inode];
    if (!reachable[inode]) {
      each = Node();
      free_.push_back(inode);
      continue;
    }
    each.data = each.durable;
    each.stamps.assign(sector_count(each.data.size()), 0);
    each.dirty_begin = each.dirty_end = 0;
    each.reserved_bytes = 0;
    each.links = inode == 1 ? 1 : 0;
    each.durable_references = 0;
    each.lock_holder = 0;
    each.entries = each.durable_entries;
    used_bytes_ += each.data.size();
  }
  std::make_heap(free_.begin(), free_.end(), std::greater<>());
  for (Inode inode = 1; inode < nodes_.size(); ++inode) {
    if (!nodes_[inode].used) continue;
    for (const auto& [name, child] : nodes_[inode].entries) {
      Node& linked = nodes_[child];
      ++linked.links;
      ++linked.durable_references;
      linked.parent = inode;
      linked.name = name;
    }
  }
}

void SimFiles::crash(Random& random) {
  for (const Node& each : nodes_) RUNNEL_ASSERT(!each.used || each.opens == 0);
  const std::size_t kept = random.between(0, journal_.size());
  for (std::size_t index = 0; index < kept; ++index) make_durable(journal_[index]);
  journal_.clear();
  for (Node& each : nodes_)
    if (each.used && each.links > 0 && each.kind == io::FileInfo::Kind::regular) tear(each, random);
  restore_from_durable();
}

}  // namespace runnel::sim
