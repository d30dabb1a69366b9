// The file system of one simulated machine. Every file has two images: the volatile one that reads
// see, and the durable one that a power loss leaves. A write reaches the durable image by a sync
// that began after it, or by chance when the power goes: each 512-byte sector for itself. Changes
// of folders (create, rename, unlink) are a journal in order; a sync of a folder makes durable what
// it touches and what that depends on, a power loss keeps a random beginning of the rest. Folders
// are durable as soon as they are made. Paths are absolute or relative to the root.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/function_ref.hpp"
#include "io/operation.hpp"
#include "io/system.hpp"
#include "platform/sim/random.hpp"

namespace runnel::sim {

class SimMachine;

using Inode = std::uint32_t;
inline constexpr Inode no_inode = 0;
inline constexpr Inode root_inode = 1;
inline constexpr std::size_t sector_bytes = 512;
inline constexpr std::size_t sector_count(std::uint64_t bytes) {
  return static_cast<std::size_t>((bytes + sector_bytes - 1) / sector_bytes);
}

// What a sync promises, taken when it begins.
struct SyncPoint {
  std::uint32_t epoch = 0;
  std::uint64_t size = 0;
  std::uint64_t journal_end = 0;
};

class SimFiles {
 public:
  explicit SimFiles(SimMachine& machine);

  // --- what the reactor does, at once ------------------------------------------------------------
  Result<Inode> open(std::string_view path, io::OpenMode mode);  // counted: close it
  // The file of a Unix socket, for who binds it; counted. `exists` when something is there.
  Result<Inode> make_socket(std::string_view path);
  void close(Inode inode);
  Result<std::uint32_t> read(Inode inode, std::uint64_t offset, MutableBytes into) const;
  Result<std::uint32_t> write(Inode inode, std::uint64_t offset, Bytes bytes);
  Status truncate(Inode inode, std::uint64_t size);
  Status allocate(Inode inode, std::uint64_t offset, std::uint64_t length);
  Result<io::FileInfo> info(std::string_view path) const;
  io::FileInfo info(Inode inode) const;
  Status rename(std::string_view from, std::string_view to, bool exclusive);
  Status unlink(std::string_view path);
  SyncPoint begin_sync(Inode inode);
  void finish_sync(Inode inode, const SyncPoint& point);
  // The device refused: the pages count as clean from now on and are durable only if written again.
  void fail_sync(Inode inode, const SyncPoint& point);

  // --- rare calls and peers ----------------------------------------------------------------------
  Status list(std::string_view folder, FunctionRef<bool(const io::FolderEntry&)> each) const;
  Status make_folders(std::string_view path);
  Status link(std::string_view existing, std::string_view path);
  Status remove_folder(std::string_view path);                  // `in_use` when it is not empty
  Status put(std::string_view path, std::string_view text);     // made or replaced in place
  Status append(std::string_view path, std::string_view text);  // made when missing
  Result<std::string> text(std::string_view path) const;
  // What a power loss would leave at the least under this path's inode.
  Result<std::string> durable_text(std::string_view path) const;
  Result<Inode> find(std::string_view path) const;
  bool exists(std::string_view path) const { return find(path).has_value(); }
  // Never given to two files, as inode numbers are; grows with the time of making.
  std::uint64_t serial(Inode inode) const { return node(inode).serial; }
  // Takes the lock, or says who has it.
  std::uint32_t& lock_holder(Inode inode) { return node(inode).lock_holder; }

  std::uint64_t used_bytes() const { return used_bytes_; }
  // Everything written so far becomes durable: a peer's `sync`, or the state a test begins with.
  void sync_all();
  // The power goes. Whatever was not synced is kept, lost or torn as `random` says. Nothing may be
  // open any more.
  void crash(Random& random);

 private:
  using Entries = std::map<std::string, Inode, std::less<>>;
  struct Node {
    io::FileInfo::Kind kind = io::FileInfo::Kind::other;
    bool used = false;
    std::uint32_t links = 0;
    std::uint32_t opens = 0;
    std::uint32_t durable_references = 0;  // in durable entries or in the journal
    std::uint32_t lock_holder = 0;
    std::uint64_t serial = 0;
    std::int64_t modified_ns = 0;
    Inode parent = no_inode;
    std::string name;
    // Regular files. Invariant: a sector whose stamp is 0 is the same in both images, unless a sync
    // has failed on it.
    std::vector<std::byte> data;
    std::vector<std::byte> durable;
    std::vector<std::uint32_t> stamps;  // a sector: the epoch of its last unsynced write, or 0
    std::uint64_t reserved_bytes = 0;
    std::uint32_t epoch = 1;
    std::size_t dirty_begin = 0, dirty_end = 0;  // sectors outside have stamp 0
    // Folders.
    Entries entries;
    Entries durable_entries;
  };
  struct EntryChange {
    Inode folder = no_inode;
    std::string name;
    Inode before = no_inode;
    Inode now = no_inode;  // none: the name went away
    std::array<Inode, 3> inodes() const { return {folder, before, now}; }
  };
  struct JournalRecord {
    std::uint64_t sequence = 0;
    std::uint32_t count = 0;
    std::array<EntryChange, 2> changes;
    bool touches(Inode folder) const {
      for (std::uint32_t index = 0; index < count; ++index)
        if (changes[index].folder == folder) return true;
      return false;
    }
  };
  struct Place {
    Inode folder = no_inode;
    std::string_view name;
    Inode inode = no_inode;  // none: the name is free
  };

  Node& node(Inode inode) {
    RUNNEL_ASSERT(inode > 0 && inode < nodes_.size() && nodes_[inode].used);
    return nodes_[inode];
  }
  const Node& node(Inode inode) const {
    RUNNEL_ASSERT(inode > 0 && inode < nodes_.size() && nodes_[inode].used);
    return nodes_[inode];
  }
  Result<Place> locate(std::string_view path) const;
  Inode make_node(io::FileInfo::Kind kind);
  Inode make_file(const Place& place, io::FileInfo::Kind kind);
  void release_if_gone(Inode inode);
  void set_entry(Inode folder, std::string_view name, Inode to);
  EntryChange change(Inode folder, std::string_view name, Inode to) const;
  void journal(std::initializer_list<EntryChange> changes);
  void make_durable(const JournalRecord& record);
  void forget(const JournalRecord& record);
  void refer(Inode inode, int by);
  void stamp(Node& file, std::uint64_t from, std::uint64_t to);
  void resize(Node& file, std::uint64_t size);
  std::uint64_t charge(const Node& file) const;
  void tear(Node& file, Random& random);
  void restore_from_durable();
  void mark_reachable(Inode folder, std::vector<bool>& reachable) const;
  void touched(Inode inode);
  void announce(Inode folder, std::string_view name, bool appeared, bool gone, bool modified);

  SimMachine& machine_;
  std::deque<Node> nodes_;
  std::vector<Inode> free_;  // a heap, the lowest first
  std::deque<JournalRecord> journal_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t next_serial_ = 1;
  std::uint64_t used_bytes_ = 0;
};

}  // namespace runnel::sim
