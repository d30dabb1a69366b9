#include "tests/sim/swarm/log_writer.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace runnel::swarm {
namespace {

constexpr int rotations_kept = 4;
// Longer than anything holds up the reader, and than the agent is down.
constexpr Duration haste = 4s;

}  // namespace

LogFile* LogFiles::with_path(std::string_view path) {
  for (LogFile& file : all)
    if (file.there && file.path == path) return &file;
  return nullptr;
}

LogFile* LogFiles::with_inode(sim::Inode inode) {
  for (LogFile& file : all)
    if (file.there && file.inode == inode) return &file;
  return nullptr;
}

LogWriter::LogWriter(sim::SimWorld& world, Ledger& ledger, LogFiles& files,
                     const PeerScenario& scenario, std::size_t index, std::size_t event_bytes_max,
                     bool long_events)
    : world_(world),
      disk_(world.machine().files()),
      ledger_(ledger),
      files_(files),
      scenario_(scenario),
      random_(scenario.seed),
      stream_(ledger.add(StreamKind::log, scenario.source, event_bytes_max, long_events)),
      path_(concat("/var/log/w", index, ".log")) {
  ledger_.stream(stream_).due = true;
}

void LogWriter::work_until(Instant end) {
  end_ = end;
  if (working_) return;
  working_ = true;
  world_.at(world_.now(), [this] { step(); });
}

void LogWriter::step() {
  if (world_.now() >= end_) {
    finish_line();
    if (!open_line_.empty()) {  // no room on the disk: later
      world_.at(after(world_.now(), scenario_.pause), [this] { step(); });
      return;
    }
    working_ = false;
    return;
  }
  const std::uint64_t deed = random_.below(24);
  if (deed == 0 && scenario_.rotates)
    rotate();
  else if (deed == 1 && scenario_.truncates)
    truncate();
  else
    append();
  world_.at(after(world_.now(), random_.between(sim::Range{1ms, scenario_.pause})),
            [this] { step(); });
}

void LogWriter::append() {
  finish_line();
  if (!open_line_.empty()) return;
  std::string text;
  std::vector<LogFile::Line> lines;
  const std::uint64_t count = random_.between(1, scenario_.events);
  for (std::uint64_t index = 0; index < count; ++index) {
    ledger_.put(stream_, text);
    text += '\n';
    lines.push_back({text.size(), ledger_.stream(stream_).put - 1});
  }
  if (!write(text)) {
    // Never written: nobody can want them.
    for (const LogFile::Line& line : lines) ledger_.stream(stream_).excuse(line.number);
    return;
  }
  note_file();
  LogFile& file = *files_.with_path(path_);
  const std::uint64_t before = disk_.info(file.inode).size - text.size();
  for (LogFile::Line& line : lines) {
    line.end += before;
    file.lines.push_back(line);
  }
  if (random_.below(4) != 0) return;
  std::string half;
  ledger_.put(stream_, half);
  open_number_ = ledger_.stream(stream_).put - 1;
  const std::size_t cut = random_.between(1, half.size() - 1);
  open_line_ = half.substr(cut) + "\n";
  if (write(std::string_view(half).substr(0, cut))) return note_file();
  ledger_.stream(stream_).excuse(open_number_);
  open_line_.clear();
}

void LogWriter::note_file() {
  Stream& stream = ledger_.stream(stream_);
  stream.file_of.resize(stream.put, files_made_);
}

void LogWriter::finish_line() {
  if (open_line_.empty() || !write(open_line_)) return;
  LogFile& file = *files_.with_path(path_);
  file.lines.push_back({disk_.info(file.inode).size, open_number_});
  open_line_.clear();
}

// All of it, or nothing when the disk has no room.
bool LogWriter::write(std::string_view text) {
  if (disk_.used_bytes() + text.size() > world_.options().capacity_bytes) return false;
  const bool is_new = files_.with_path(path_) == nullptr;
  const Status appended = disk_.append(path_, text);
  RUNNEL_ASSERT(appended.ok());
  if (is_new) {
    ++files_made_;
    const sim::Inode inode = disk_.find(path_).value();
    files_.all.push_back(
        {disk_.serial(inode), inode, stream_, scenario_.source, path_, true, world_.now(), {}, 0});
    sync("/var/log");
  }
  sync(path_);
  return true;
}

void LogWriter::sync(std::string_view path) {
  const sim::Inode inode = disk_.find(path).value();
  disk_.finish_sync(inode, disk_.begin_sync(inode));
}

void LogWriter::rotate() {
  finish_line();
  LogFile* file = files_.with_path(path_);
  if (file == nullptr || !open_line_.empty()) return;
  if (after(file->made, scenario_.rotation_age) > world_.now()) return;
  if (last_rotation_ && after(*last_rotation_, haste) > world_.now())
    ledger_.stream(stream_).rotated_in_haste = true;
  last_rotation_ = world_.now();
  auto& rotated_in = ledger_.stream(stream_).rotated_in;
  rotated_in.resize(files_made_ + 1, 0);
  rotated_in[files_made_] = ledger_.era;
  const auto rotated = [&](int number) { return concat(path_, ".", number); };
  const int kept = scenario_.deletes ? 2 : rotations_kept;
  if (LogFile* oldest = files_.with_path(rotated(kept))) {
    forget(*oldest);
    oldest->there = false;
    RUNNEL_ASSERT(disk_.unlink(oldest->path).ok());
  }
  for (int number = kept - 1; number >= 0; --number) {
    LogFile* each = number == 0 ? file : files_.with_path(rotated(number));
    if (each == nullptr) continue;
    RUNNEL_ASSERT(disk_.rename(each->path, rotated(number + 1), false).ok());
    each->path = rotated(number + 1);
  }
  sync("/var/log");
}

// What was not read yet is lost, and nobody knows what that is.
void LogWriter::forget(LogFile& file) {
  for (const LogFile::Line& line : file.lines) ledger_.stream(stream_).excuse(line.number);
  file.lines.clear();
}

void LogWriter::truncate() {
  finish_line();
  LogFile* file = files_.with_path(path_);
  if (file == nullptr || !open_line_.empty()) return;
  forget(*file);
  ++file->truncations;
  ledger_.stream(stream_).truncated = true;
  RUNNEL_ASSERT(disk_.truncate(file->inode, 0).ok());
  sync(path_);
}

}  // namespace runnel::swarm
