#include "platform/sim/files.hpp"

#include <algorithm>
#include <cstring>

#include "platform/sim/machine.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {
namespace {

constexpr std::uint64_t device_number = 0x51D;
constexpr std::size_t name_bytes_max = 255;

}  // namespace

SimFiles::SimFiles(SimMachine& machine) : machine_(machine) {
  nodes_.resize(2);
  nodes_[root_inode].used = true;
  nodes_[root_inode].kind = io::FileInfo::Kind::folder;
  nodes_[root_inode].links = 1;
  nodes_[root_inode].parent = root_inode;
}

// --- names ---------------------------------------------------------------------------------------

Result<SimFiles::Place> SimFiles::locate(std::string_view path) const {
  Place place{root_inode, {}, root_inode};
  if (path.empty()) return fail(Error::not_found);
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part.size() > name_bytes_max) return fail(Error::too_large);
    if (place.inode == no_inode) return fail(Error::not_found);
    const Node& folder = node(place.inode);
    if (folder.kind != io::FileInfo::Kind::folder) return fail(Error::not_folder);
    if (part == "..") {
      place = {folder.parent, {}, folder.parent};
      continue;
    }
    const auto found = folder.entries.find(part);
    place = {place.inode, part, found == folder.entries.end() ? no_inode : found->second};
  }
  return place;
}

Result<Inode> SimFiles::find(std::string_view path) const {
  const auto place = locate(path);
  if (!place) return fail(place.error());
  if (place->inode == no_inode) return fail(Error::not_found);
  return place->inode;
}

Inode SimFiles::make_node(io::FileInfo::Kind kind) {
  Inode inode;
  if (!free_.empty() && machine_.world().options().reuse_inodes) {
    std::pop_heap(free_.begin(), free_.end(), std::greater<>());
    inode = free_.back();
    free_.pop_back();
  } else {
    inode = static_cast<Inode>(nodes_.size());
    nodes_.emplace_back();
  }
  Node& made = nodes_[inode];
  made = Node();
  made.used = true;
  made.kind = kind;
  made.serial = next_serial_++;
  made.modified_ns = machine_.world().wall_now().time_since_epoch().count();
  return inode;
}

void SimFiles::release_if_gone(Inode inode) {
  Node& file = node(inode);
  if (file.links > 0 || file.opens > 0) return;
  used_bytes_ -= charge(file);
  file.reserved_bytes = 0;
  file.data.clear();
  file.stamps.clear();
  file.dirty_begin = file.dirty_end = 0;
  // The name may still be there after a power loss, and then its durable content is too.
  if (file.durable_references > 0) return;
  const Entries lost = std::move(file.durable_entries);
  file = Node();
  free_.push_back(inode);
  std::push_heap(free_.begin(), free_.end(), std::greater<>());
  for (const auto& [name, child] : lost) {
    refer(child, -1);
    release_if_gone(child);
  }
}

void SimFiles::set_entry(Inode folder, std::string_view name, Inode to) {
  Node& parent = node(folder);
  const auto found = parent.entries.find(name);
  if (found != parent.entries.end()) {
    Node& before = node(found->second);
    RUNNEL_ASSERT(before.links > 0);
    --before.links;
    if (to == no_inode)
      parent.entries.erase(found);
    else
      found->second = to;
  } else if (to != no_inode) {
    parent.entries.emplace(name, to);
  }
  if (to != no_inode) {
    Node& child = node(to);
    ++child.links;
    child.parent = folder;
    child.name = name;
  }
  parent.modified_ns = machine_.world().wall_now().time_since_epoch().count();
}

// --- opening and closing -------------------------------------------------------------------------

Result<Inode> SimFiles::open(std::string_view path, io::OpenMode mode) {
  const auto place = locate(path);
  if (!place) return fail(place.error());
  const bool may_make = mode == io::OpenMode::create || mode == io::OpenMode::secret ||
                        mode == io::OpenMode::exclusive;
  Inode inode = place->inode;
  if (inode == no_inode) {
    if (!may_make) return fail(Error::not_found);
    if (path.ends_with('/')) return fail(Error::is_folder);
    inode = make_file(*place, io::FileInfo::Kind::regular);
  } else if (mode == io::OpenMode::exclusive) {
    return fail(Error::exists);
  }
  Node& target = node(inode);
  if (target.kind == io::FileInfo::Kind::other) return fail(Error::not_found);
  const bool is_folder = target.kind == io::FileInfo::Kind::folder;
  if (mode == io::OpenMode::folder && !is_folder) return fail(Error::not_folder);
  if (is_folder && mode != io::OpenMode::folder && mode != io::OpenMode::read)
    return fail(Error::is_folder);
  ++target.opens;
  return inode;
}

Inode SimFiles::make_file(const Place& place, io::FileInfo::Kind kind) {
  const Inode inode = make_node(kind);
  journal({change(place.folder, place.name, inode)});
  set_entry(place.folder, place.name, inode);
  announce(place.folder, place.name, true, false, false);
  return inode;
}

Result<Inode> SimFiles::make_socket(std::string_view path) {
  const auto place = locate(path);
  if (!place) return fail(place.error());
  if (place->inode != no_inode) return fail(Error::exists);
  const Inode inode = make_file(*place, io::FileInfo::Kind::other);
  ++node(inode).opens;
  return inode;
}

void SimFiles::close(Inode inode) {
  Node& target = node(inode);
  RUNNEL_ASSERT(target.opens > 0);
  --target.opens;
  release_if_gone(inode);
}

// --- contents ------------------------------------------------------------------------------------

std::uint64_t SimFiles::charge(const Node& file) const {
  return std::max<std::uint64_t>(file.data.size(), file.reserved_bytes);
}

Result<std::uint32_t> SimFiles::read(Inode inode, std::uint64_t offset, MutableBytes into) const {
  const Node& file = node(inode);
  if (file.kind == io::FileInfo::Kind::folder) return fail(Error::is_folder);
  if (offset >= file.data.size()) return 0;
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), file.data.size() - offset));
  if (count > 0) std::memcpy(into.data(), file.data.data() + offset, count);
  return static_cast<std::uint32_t>(count);
}

void SimFiles::stamp(Node& file, std::uint64_t from, std::uint64_t to) {
  if (from >= to) return;
  const auto first = static_cast<std::size_t>(from / sector_bytes);
  const auto end = sector_count(to);
  if (file.stamps.size() < end) file.stamps.resize(end, 0);
  for (std::size_t sector = first; sector < end; ++sector) file.stamps[sector] = file.epoch;
  const bool clean = file.dirty_begin == file.dirty_end;
  file.dirty_begin = clean ? first : std::min(file.dirty_begin, first);
  file.dirty_end = clean ? end : std::max(file.dirty_end, end);
}

void SimFiles::resize(Node& file, std::uint64_t size) {
  const std::uint64_t before = charge(file);
  const std::uint64_t old_size = file.data.size();
  file.data.resize(static_cast<std::size_t>(size));
  // What grows is zero in the volatile image, whatever the durable one still holds there.
  if (size > old_size) stamp(file, old_size, size);
  used_bytes_ = used_bytes_ - before + charge(file);
}

Result<std::uint32_t> SimFiles::write(Inode inode, std::uint64_t offset, Bytes bytes) {
  Node& file = node(inode);
  const SimOptions& options = machine_.world().options();
  if (bytes.empty()) return 0;
  if (offset >= options.file_bytes_max) return fail(Error::too_large);
  std::uint64_t end = std::min(offset + bytes.size(), options.file_bytes_max);
  const std::uint64_t have = charge(file);
  if (end > have) {
    const std::uint64_t room =
        options.capacity_bytes > used_bytes_ ? options.capacity_bytes - used_bytes_ : 0;
    end = std::min(end, have + room);
  }
  if (end <= offset) return fail(Error::no_space);
  const auto count = static_cast<std::size_t>(end - offset);
  if (end > file.data.size()) resize(file, end);
  std::memcpy(file.data.data() + offset, bytes.data(), count);
  stamp(file, offset, end);
  touched(inode);
  return static_cast<std::uint32_t>(count);
}

Status SimFiles::truncate(Inode inode, std::uint64_t size) {
  Node& file = node(inode);
  const SimOptions& options = machine_.world().options();
  if (file.kind == io::FileInfo::Kind::folder) return Error::is_folder;
  if (size > options.file_bytes_max) return Error::too_large;
  if (size < file.data.size()) {
    used_bytes_ -= charge(file);
    file.reserved_bytes = std::min(file.reserved_bytes, size);
    file.data.resize(static_cast<std::size_t>(size));
    used_bytes_ += charge(file);
  } else {
    const std::uint64_t growth = size > charge(file) ? size - charge(file) : 0;
    if (used_bytes_ + growth > options.capacity_bytes) return Error::no_space;
    resize(file, size);
  }
  touched(inode);
  return {};
}

Status SimFiles::allocate(Inode inode, std::uint64_t offset, std::uint64_t length) {
  Node& file = node(inode);
  const SimOptions& options = machine_.world().options();
  const std::uint64_t end = offset + length;
  if (end < offset || end > options.file_bytes_max) return Error::too_large;
  if (length == 0) return Error::unexpected;
  const std::uint64_t growth = end > charge(file) ? end - charge(file) : 0;
  if (used_bytes_ + growth > options.capacity_bytes) return Error::no_space;
  used_bytes_ += growth;
  file.reserved_bytes = std::max(file.reserved_bytes, end);
  if (end > file.data.size()) resize(file, end);
  touched(inode);
  return {};
}

io::FileInfo SimFiles::info(Inode inode) const {
  const Node& file = node(inode);
  return {file.kind, device_number, inode, file.data.size(), file.modified_ns};
}

Result<io::FileInfo> SimFiles::info(std::string_view path) const {
  const auto inode = find(path);
  if (!inode) return fail(inode.error());
  return info(*inode);
}

Status SimFiles::list(std::string_view path, FunctionRef<bool(const io::FolderEntry&)> each) const {
  const auto inode = find(path);
  if (!inode) return inode.error();
  if (node(*inode).kind != io::FileInfo::Kind::folder) return Error::not_folder;
  for (const auto& [name, child] : node(*inode).entries) {
    const io::FileInfo::Kind kind = node(child).kind;
    using Seen = io::FolderEntry::Kind;
    const io::FolderEntry entry{name, child,
                                kind == io::FileInfo::Kind::folder    ? Seen::folder
                                : kind == io::FileInfo::Kind::regular ? Seen::regular
                                                                      : Seen::other};
    if (!each(entry)) break;
  }
  return {};
}

// --- what peers and tests use --------------------------------------------------------------------

Status SimFiles::put(std::string_view path, std::string_view text) {
  const auto inode = open(path, io::OpenMode::create);
  if (!inode) return inode.error();
  Status status = truncate(*inode, 0);
  if (status && !text.empty()) {
    const auto written = write(*inode, 0, as_bytes(text));
    if (!written)
      status = written.error();
    else if (*written < text.size())
      status = Error::no_space;
  }
  close(*inode);
  return status;
}

Status SimFiles::append(std::string_view path, std::string_view text) {
  const auto inode = open(path, io::OpenMode::create);
  if (!inode) return inode.error();
  Status status;
  if (!text.empty()) {
    const auto written = write(*inode, node(*inode).data.size(), as_bytes(text));
    if (!written)
      status = written.error();
    else if (*written < text.size())
      status = Error::no_space;
  }
  close(*inode);
  return status;
}

Result<std::string> SimFiles::text(std::string_view path) const {
  const auto inode = find(path);
  if (!inode) return fail(inode.error());
  if (node(*inode).kind == io::FileInfo::Kind::folder) return fail(Error::is_folder);
  return std::string(as_text(node(*inode).data));
}

Result<std::string> SimFiles::durable_text(std::string_view path) const {
  const auto inode = find(path);
  if (!inode) return fail(inode.error());
  return std::string(as_text(node(*inode).durable));
}

// --- who is told ---------------------------------------------------------------------------------

void SimFiles::touched(Inode inode) {
  Node& file = node(inode);
  file.modified_ns = machine_.world().wall_now().time_since_epoch().count();
  if (file.links > 0) announce(file.parent, file.name, false, false, true);
}

void SimFiles::announce(Inode folder, std::string_view name, bool appeared, bool gone,
                        bool modified) {
  machine_.folder_changed(folder, name, appeared, gone, modified);
}

}  // namespace runnel::sim
