// The active source `tail`: follows files that others append to, line by line, through rotation,
// truncation and restarts. docs/source-tail.md says what it promises.
//
// One flow of control does everything (looking for files, reading, writing the checkpoint), so that
// nothing here changes across a co_await unless this flow changed it. The one exception is waiting
// for room in the channel, beside which checkpoints go on being written. One read buffer serves all
// files: what is not a whole line yet stays in its file and is read again.
#pragma once

#include <array>

#include "base/log.hpp"
#include "pipeline/component.hpp"
#include "sources/tail/file_table.hpp"
#include "sources/tail/folders.hpp"
#include "sources/tail/glob.hpp"
#include "sources/tail/remembered.hpp"
#include "sources/tail/settings.hpp"

namespace runnel::sources {

extern const pipeline::SourceType tail_type;

namespace tail {

class Tail final : public pipeline::PollingSource {
 public:
  struct Memory {
    MutableBytes buffer;
    MutableBytes path_text;
    std::span<PathPool::Place> path_places;
    FileTable::Memory files;
    std::span<Folder> folders;
    std::span<RememberedFile> remembered;
    std::span<char> checkpoint_text;

    static Memory carve(Region& region, const Settings& settings);
  };
  static Memory carve(Region& region, const Settings& settings) {
    return Memory::carve(region, settings);
  }
  Tail(pipeline::SourceContext& context, const Settings& settings, const Memory& memory);

  async::Task<pipeline::Started> start() override;
  async::Task<Result<std::uint32_t>> poll() override;
  async::Task<void> wait_for_work() override;
  bool exhausted() const override;
  async::Task<void> finish() override;

 private:
  using Scratch = Text<path_bytes_max>;
  // What a scan has come to: where it is, in one buffer that grows and shrinks with the depth.
  struct Walk;

  // --- looking for files (scan.cpp): synchronous calls of System -------------------------------
  void scan();
  void walk(Walk& walk, std::string_view pattern);
  void walk_literal(Walk& walk, std::string_view part, std::string_view rest);
  void walk_folder(Walk& walk, std::string_view part, std::string_view rest);
  void walk_below(Walk& walk, std::string_view pattern);
  void meet(Walk& walk, io::FolderEntry::Kind kind);
  void watch(std::string_view folder);
  void poll_from_now_on(std::string_view folder, Error why);
  void offer(std::string_view path, const io::FileInfo& info, bool linked);
  void refresh(File& file, std::string_view path, const io::FileInfo& info);
  void claim(std::string_view path, const io::FileInfo& info, bool linked);
  File* free_slot(const io::FileInfo& wanted);
  void line_up(std::uint64_t family);  // 0: all
  const File* older_one(const File& file);
  bool has_more(const File& file) const;
  bool waits_for(const File& file, const File& other);
  bool is_own(std::string_view path, std::uint64_t device, std::uint64_t inode) const;

  // --- files that move and go (moves.cpp) ------------------------------------------------------
  void look_around();
  Instant next_look() const;
  void take_changes();
  void change_in(const Folder& folder, const io::Change& change);
  void appeared(std::string_view path);
  void poll_links();
  void departed(File& file);
  bool moved_to(File& file, std::string_view path);
  enum class Search : std::uint8_t { found, absent, unknown };
  Search find_inode(std::string_view folder, std::uint64_t inode, Scratch& path);
  void adopt_remembered();
  bool adopt(const RememberedFile& saved, std::string_view path);
  void release(File& file);
  void close(File& file);
  File* with_path(std::string_view path);
  std::string_view path_of(const File& file) const {
    return paths_.text(file.path == PathPool::none ? file.label : file.path);
  }
  std::string_view label_of(const File& file) const { return paths_.text(file.label); }
  bool set_label(File& file, std::string_view path);

  // --- reading (reading.cpp) -------------------------------------------------------------------
  async::Task<Result<std::uint32_t>> step(File& file);
  async::Task<Status> open(File& file);
  // False: it turned out to be another file, and has been dealt with.
  async::Task<Result<bool>> look(File& file);
  async::Task<Result<std::size_t>> read_fully(io::Handle handle, MutableBytes into,
                                              std::uint64_t offset);
  bool accept_head(File& file, const io::FileInfo& info, Bytes head);
  void recall(File& file, const io::FileInfo& info, Bytes head);
  void restart(File& file, Bytes head, const char* why);
  async::Task<Result<std::uint32_t>> read_piece(File& file);
  async::Task<Result<std::uint32_t>> put_all(File& file, Bytes bytes);
  async::Task<Result<std::uint32_t>> put_tail(File& file, std::uint64_t length, bool newline);
  struct Cut;
  Cut put_lines(File& file, Bytes bytes, pipeline::Turn& turn);
  Cut put_one(File& file, Bytes body, std::uint64_t cut_bytes, pipeline::Turn& turn);
  Status append_cut(pipeline::OutletPut& put, pipeline::Event& event, std::uint64_t cut_bytes,
                    std::size_t& needed);
  pipeline::Event event_of(const File& file) const;
  async::Task<Status> room(std::size_t bytes, pipeline::Turn& turn);
  struct RoomWait;
  async::Task<void> wait_for_room(std::size_t bytes, pipeline::Turn& turn, RoomWait& wait);
  async::Task<void> watch_meanwhile(RoomWait& wait);
  async::Task<Result<std::uint32_t>> settle_down(File& file);
  void schedule(File& file);
  void failed(File& file, Error why);
  void end_at(File& file, std::uint64_t size);  // nothing happens without --once
  void finished(File& file);
  bool waits_behind_another(File& file);
  Duration leave_after(const File& file) const;
  bool close_one_idle();

  // --- the checkpoint (saving.cpp) -------------------------------------------------------------
  async::Task<pipeline::Started> load();
  async::Task<pipeline::Started> keep_aside();
  bool position_of(std::size_t index, SavedPosition& position);
  void note(File& file, const pipeline::Receipt& receipt);
  void changed();  // a save is due, an interval from now at the latest
  async::Task<void> save_if_due();
  void settle();
  async::Task<Status> save();
  async::Task<Status> write_positions(io::Handle file);
  async::Task<Status> write_all(io::Handle file, Bytes bytes, std::uint64_t offset);
  async::Task<Status> sync_folder();
  bool keeps_positions() const { return checkpoint_path_.size() > 0; }

  const Settings& settings_;
  MutableBytes buffer_;
  std::span<char> checkpoint_text_;
  PathPool paths_;
  FileTable files_;
  File* stepped_ = nullptr;  // whose turn it is: not among the active ones meanwhile
  Folders folders_;
  Remembered remembered_;

  Text<path_bytes_max + 300> checkpoint_path_, checkpoint_new_path_;  // empty: no state_dir
  bool existing_from_end_ = false;  // the very first start, with start_at = "end"
  bool changed_ = false;            // since the last save
  bool notes_pending_ = false;      // something put is not in custody yet
  Instant next_save_ = never;
  Occasional save_complaint_;

  bool starting_ = false;             // in the first scan
  std::size_t unfinished_files_ = 0;  // --once
  bool rescan_ = false;
  Instant next_scan_;
  bool polling_ = false;  // some folder's changes are not told
  Instant next_poll_ = never;
  std::size_t links_ = 0;         // slots that are symbolic links
  std::uint64_t departures_ = 0;  // files that lost their name
  bool overflow_ = false;         // more files than files_max
  bool said_overflow_ = false, said_no_paths_ = false, said_polling_ = false, said_deep_ = false;
  Occasional read_complaint_;

  std::array<std::byte, Fingerprint::bytes_max> head_;
};

}  // namespace tail
}  // namespace runnel::sources
