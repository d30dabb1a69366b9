// Changes of folders and the journal that orders them.
#include <algorithm>

#include "platform/sim/files.hpp"

namespace runnel::sim {

// --- changing names ------------------------------------------------------------------------------

Status SimFiles::rename(std::string_view from, std::string_view to, bool exclusive) {
  const auto source = locate(from);
  if (!source) return source.error();
  const auto target = locate(to);
  if (!target) return target.error();
  if (source->inode == no_inode) return Error::not_found;
  if (source->name.empty() || target->name.empty()) return Error::in_use;
  if (target->inode != no_inode && exclusive) return Error::exists;
  if (source->inode == target->inode) return {};
  const bool folder = node(source->inode).kind == io::FileInfo::Kind::folder;
  if (folder) {
    for (Inode at = target->folder; at != root_inode; at = node(at).parent)
      if (at == source->inode) return Error::malformed;
  }
  if (target->inode != no_inode) {
    const Node& replaced = node(target->inode);
    const bool onto_folder = replaced.kind == io::FileInfo::Kind::folder;
    if (onto_folder && !folder) return Error::is_folder;
    if (folder && !onto_folder) return Error::not_folder;
    if (onto_folder && !replaced.entries.empty()) return Error::in_use;
  }
  journal({change(source->folder, source->name, no_inode),
           change(target->folder, target->name, source->inode)});
  const Inode moved = source->inode;
  const Inode replaced = target->inode;
  // A link of its own, so that the file is not gone between the two steps.
  ++node(moved).opens;
  set_entry(source->folder, source->name, no_inode);
  set_entry(target->folder, target->name, moved);
  --node(moved).opens;
  if (replaced != no_inode) release_if_gone(replaced);
  announce(source->folder, source->name, false, true, false);
  announce(target->folder, target->name, true, false, false);
  return {};
}

Status SimFiles::unlink(std::string_view path) {
  const auto place = locate(path);
  if (!place) return place.error();
  if (place->inode == no_inode) return Error::not_found;
  if (node(place->inode).kind == io::FileInfo::Kind::folder) return Error::is_folder;
  journal({change(place->folder, place->name, no_inode)});
  set_entry(place->folder, place->name, no_inode);
  release_if_gone(place->inode);
  announce(place->folder, place->name, false, true, false);
  return {};
}

Status SimFiles::link(std::string_view existing, std::string_view path) {
  const auto source = find(existing);
  if (!source) return source.error();
  const auto target = locate(path);
  if (!target) return target.error();
  if (target->inode != no_inode) return Error::exists;
  if (node(*source).kind == io::FileInfo::Kind::folder) return Error::access;
  journal({change(target->folder, target->name, *source)});
  set_entry(target->folder, target->name, *source);
  announce(target->folder, target->name, true, false, false);
  return {};
}

Status SimFiles::make_folders(std::string_view path) {
  std::size_t end = 0;
  while (end < path.size()) {
    end = std::min(path.find('/', end + 1), path.size());
    const auto place = locate(path.substr(0, end));
    if (!place) return place.error();
    if (place->inode != no_inode) {
      if (node(place->inode).kind != io::FileInfo::Kind::folder) return Error::not_folder;
      continue;
    }
    const Inode made = make_node(io::FileInfo::Kind::folder);
    const auto record = change(place->folder, place->name, made);
    journal({record});
    set_entry(place->folder, place->name, made);
    const SyncPoint point{0, 0, next_sequence_};
    finish_sync(place->folder, point);
    announce(place->folder, place->name, true, false, false);
  }
  return {};
}

Status SimFiles::remove_folder(std::string_view path) {
  const auto place = locate(path);
  if (!place) return place.error();
  if (place->inode == no_inode) return Error::not_found;
  if (place->name.empty()) return Error::in_use;
  const Node& folder = node(place->inode);
  if (folder.kind != io::FileInfo::Kind::folder) return Error::not_folder;
  if (!folder.entries.empty()) return Error::in_use;
  announce(place->inode, {}, false, true, false);
  journal({change(place->folder, place->name, no_inode)});
  set_entry(place->folder, place->name, no_inode);
  release_if_gone(place->inode);
  announce(place->folder, place->name, false, true, false);
  return {};
}

// --- the journal of folder changes ---------------------------------------------------------------

SimFiles::EntryChange SimFiles::change(Inode folder, std::string_view name, Inode to) const {
  const auto& entries = node(folder).entries;
  const auto found = entries.find(name);
  return {folder, std::string(name), found == entries.end() ? no_inode : found->second, to};
}

void SimFiles::refer(Inode inode, int by) {
  if (inode == no_inode) return;
  Node& target = node(inode);
  RUNNEL_ASSERT(by > 0 || target.durable_references > 0);
  if (by > 0)
    ++target.durable_references;
  else
    --target.durable_references;
}

// One record is atomic, as a journalling file system makes a rename.
void SimFiles::journal(std::initializer_list<EntryChange> changes) {
  JournalRecord record;
  record.sequence = next_sequence_++;
  for (const EntryChange& each : changes) record.changes[record.count++] = each;
  for (std::uint32_t index = 0; index < record.count; ++index) {
    for (const Inode inode : record.changes[index].inodes()) refer(inode, +1);
  }
  journal_.push_back(std::move(record));
}

void SimFiles::make_durable(const JournalRecord& record) {
  for (std::uint32_t index = 0; index < record.count; ++index) {
    const EntryChange& each = record.changes[index];
    auto& entries = node(each.folder).durable_entries;
    const auto found = entries.find(each.name);
    Inode replaced = no_inode;
    if (found != entries.end()) {
      replaced = found->second;
      entries.erase(found);
    }
    if (each.now != no_inode) {
      entries.emplace(each.name, each.now);
      refer(each.now, +1);
    }
    if (replaced != no_inode) {
      refer(replaced, -1);
      if (nodes_[replaced].used) release_if_gone(replaced);
    }
  }
}

void SimFiles::forget(const JournalRecord& record) {
  for (std::uint32_t index = 0; index < record.count; ++index)
    for (const Inode inode : record.changes[index].inodes()) refer(inode, -1);
  // Only now: one inode may be in several places of a record.
  for (std::uint32_t index = 0; index < record.count; ++index)
    for (const Inode inode : record.changes[index].inodes())
      if (inode != no_inode && nodes_[inode].used) release_if_gone(inode);
}

}  // namespace runnel::sim
