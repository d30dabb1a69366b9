// Start-up: makes the file, or finds out what is in it. What a power cut has torn is cut off; what
// was damaged later is read around, when a reader comes to it.
#include <algorithm>
#include <cstring>

#include "async/operations.hpp"
#include "base/crc32c.hpp"
#include "base/mark.hpp"
#include "base/text.hpp"
#include "channels/journal/journal_store.hpp"

namespace runnel::channels::journal {

using async::Task;
using pipeline::BlockPlace;
using pipeline::Started;

namespace {

constexpr int exit_unavailable = 69, exit_io = 74, exit_configuration = 78;
constexpr std::uint32_t allocate_piece = 1u << 30;

// The key of a reader in the file. Longer names are told apart by a checksum.
std::string cursor_name(std::string_view label) {
  const std::string_view name = label.substr(label.find('.') + 1);
  if (name.size() <= cursor_name_bytes_max) return std::string(name);
  const std::uint32_t sum = crc32c(as_bytes(name));
  return concat(name.substr(0, cursor_name_bytes_max - 11), "~", sum);
}

}  // namespace

tl::unexpected<Problem> JournalStore::refuse(std::string_view what, Error why) const {
  return problem(concat("path \"", settings_.path, "\" ", what, ": ", describe(why)), exit_io);
}

Task<Started> JournalStore::start() {
  const Started opened = co_await open();
  if (!opened) co_return opened;
  Recovered end;
  const Status cursors = co_await read_cursors(end);
  if (!cursors) co_return refuse("cannot be read", cursors.error());
  take_up_budget();
  const Status segments = co_await read_segments(end);
  if (!segments) co_return refuse("cannot be read", segments.error());
  const Status found = co_await find_end(end);
  if (!found) co_return refuse("cannot be made ready", found.error());
  // Before anything gets its number.
  epoch_ = std::max(cursors_.epoch, end.any ? end.last.epoch : 0) + 1;
  if (end.unreadable) ++epoch_;  // what cannot be read may have been of one more
  place_readers(end);
  const Status durable = co_await make_durable(end);
  if (!durable) co_return refuse("cannot be made durable", durable.error());
  durable_position_ = end.any ? end.last.last_position : 0;
  if (cursors_.cursors.size() > cursors_max)
    co_return problem(concat("path \"", settings_.path, "\" keeps places for ",
                             cursors_.cursors.size(), " sinks, more than ", cursors_max,
                             "; release those that are gone: runnel journal release"),
                      exit_configuration);
  const Status saved = co_await save_cursors(true);
  if (!saved) co_return refuse("cannot be written", saved.error());
  log_info(context_.name, settings_.path, ": ",
           HumanSize{static_cast<std::size_t>(superblock_.file_bytes)}, ", ",
           channel().head() - acknowledged_by_all() > 0 && end.any ? "events are waiting"
                                                                   : "nothing is waiting",
           " (epoch ", epoch_, ")");
  co_return Started();
}

// --- the file ------------------------------------------------------------------------------------

Task<Started> JournalStore::open() {
  const std::size_t slash = settings_.path.rfind('/');
  const std::string folder = settings_.path.substr(0, std::max<std::size_t>(slash, 1));
  if (const Status made = context_.system.make_folders(folder.c_str()); !made)
    co_return refuse("has a folder that cannot be made", made.error());
  std::uint32_t holder = 0;
  const std::string lock_path = settings_.path + ".lock";
  const auto lock = context_.system.lock_file(lock_path.c_str(), holder);
  if (!lock && lock.error() == Error::in_use)
    co_return problem(concat("path \"", settings_.path, "\" is in use by process ", holder,
                             "; a journal belongs to one channel of one agent"),
                      exit_unavailable);
  if (!lock) co_return refuse("cannot be locked", lock.error());
  lock_ = *lock;
  const auto info = context_.system.file_info(settings_.path.c_str());
  if (!info && info.error() != Error::not_found) co_return refuse("cannot be used", info.error());
  if (!info) {
    const Started created = co_await create();
    if (!created) co_return created;
  }
  const auto file = co_await async::open(settings_.path.c_str(), io::OpenMode::create);
  if (!file) co_return refuse("cannot be opened", file.error());
  file_ = *file;
  // Every time: the process that made it may have ended before its name was safe, and a power cut
  // would take all that has been written since.
  const Status kept = co_await sync_folder(folder);
  if (!kept) co_return refuse("has a folder that cannot be synced", kept.error());
  const Started read = co_await read_superblock();
  co_return read;
}

Task<Status> JournalStore::sync_folder(const std::string& folder) {
  const auto opened = co_await async::open(folder.c_str(), io::OpenMode::folder);
  if (!opened) co_return opened.error();
  const Status synced = co_await async::sync(*opened);
  context_.reactor().discard(*opened);
  co_return synced;
}

// Under another name until it is whole: a file with the right name is a journal, or somebody's.
Task<Started> JournalStore::create() {
  auto superblock = lay_out(settings_.file_bytes, settings_.raw_bytes_max());
  RUNNEL_ASSERT(superblock.has_value());  // checked with the configuration
  context_.system.entropy(superblock->salt);
  const std::string fresh = settings_.path + ".new";
  const auto file = co_await async::open(fresh.c_str(), io::OpenMode::create);
  if (!file) co_return refuse("cannot be made", file.error());
  Status status = co_await fill_new(*file, *superblock);
  context_.reactor().discard(*file);
  if (status) status = co_await async::rename(fresh.c_str(), settings_.path.c_str());
  if (!status) {
    const Status removed = co_await async::unlink(fresh.c_str());
    (void)removed;
    co_return refuse("cannot be made", status.error());
  }
  log_info(context_.name, settings_.path, ": made, ",
           HumanSize{static_cast<std::size_t>(superblock->file_bytes)}, " in ",
           superblock->segments, " segments");
  co_return Started();
}

Task<Status> JournalStore::fill_new(io::Handle file, const Superblock& superblock) {
  const Status emptied = co_await async::truncate(file, 0);
  if (!emptied) co_return emptied;
  for (std::uint64_t at = 0; at < superblock.file_bytes; at += allocate_piece) {
    const auto piece = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(allocate_piece, superblock.file_bytes - at));
    const Status allocated = co_await async::allocate(file, at, piece);
    // A file system that cannot promise room: the file grows as it is written.
    if (allocated.error() == Error::unsupported) break;
    if (!allocated) co_return allocated;
  }
  encode(superblock, memory_.page);
  for (const std::uint64_t at : superblock_pages) {
    const Status written = co_await write_fully(file, memory_.page, at);
    if (!written) co_return written;
  }
  const Status synced = co_await async::sync(file);
  ++counters().syncs;
  co_return synced;
}

Task<Started> JournalStore::read_superblock() {
  std::optional<Superblock> superblock;
  bool ours = false;
  Status refused;
  for (const std::uint64_t at : superblock_pages) {
    const Status read = co_await read_patiently(memory_.page, at, start_patience);
    if (!read && read.error() != Error::malformed) refused = read;
    if (read && !superblock) superblock = decode_superblock(memory_.page);
    ours = ours || (read && looks_like_a_journal(memory_.page));
  }
  if (!superblock && !refused)
    co_return refuse("cannot be read, nor its first page's copy at 12288", refused.error());
  if (!superblock) {
    co_return problem(
        concat("path \"", settings_.path,
               ours ? "\" is a journal with a damaged first page, or of a later version; keep it "
                      "(runnel journal export reads what can be read) and name another path"
                    : "\" is not a journal; it is left alone: name another path, or move it away"),
        exit_configuration);
  }
  if (superblock->raw_bytes_max > settings_.raw_bytes_max())
    co_return problem(concat("path \"", settings_.path,
                             "\" was made with block_bytes = ", superblock->raw_bytes_max,
                             "; set it to no less, or name another path"),
                      exit_configuration);
  superblock_ = *superblock;
  const auto wanted = lay_out(settings_.file_bytes, settings_.raw_bytes_max());
  if (wanted && wanted->file_bytes != superblock_.file_bytes)
    log_warn(context_.name, settings_.path, " keeps the size that it was made with, ",
             HumanSize{static_cast<std::size_t>(superblock_.file_bytes)},
             "; for another one let it run empty and remove it");
  segments_ = Segments(memory_.segments.first(superblock_.segments), superblock_.segment_bytes);
  co_return Started();
}

Task<Status> JournalStore::read_cursors(Recovered& end) {
  cursors_.cursors.reserve(2 * cursors_max);
  std::size_t refused = 0;
  for (const std::uint64_t at : cursor_pages) {
    const Status read = co_await read_patiently(memory_.page, at, start_patience);
    if (read.error() == Error::cancelled) co_return read;
    if (!read && read.error() != Error::malformed) {
      end.unreadable = true;
      // Without any of them everything would be delivered again.
      if (++refused == std::size(cursor_pages)) co_return read;
      continue;
    }
    auto page = decode_cursors(memory_.page, superblock_.salt);
    if (page && page->generation >= cursors_.generation) cursors_ = std::move(*page);
  }
  cursors_.cursors.reserve(2 * cursors_max);
  durable_generation_ = cursors_.generation;
  co_return Status();
}

// An unset clock cannot say how long nothing ran: then nothing is made up for.
void JournalStore::take_up_budget() {
  Duration ago = Duration::zero();
  context_.clock.refresh();
  if (context_.clock.is_set() && cursors_.budget_spent_at_ns != clock_not_set)
    ago = context_.clock.now() - wall_from_ns(cursors_.budget_spent_at_ns);
  budget_.begin(cursors_.budget_spent, ago, context_.now());
}

Task<Status> JournalStore::read_segments(Recovered& end) {
  for (std::size_t index = 0; index < segments_.count(); ++index) {
    const Status read =
        co_await read_patiently(memory_.page, segments_.begin_of(index), start_patience);
    if (!read && read.error() == Error::cancelled) co_return read;
    if (!read && read.error() != Error::malformed) {
      end.unreadable = true;
      const Status rebuilt = co_await rebuild_header(index);
      if (!rebuilt) co_return rebuilt;
      continue;
    }
    const auto header = read ? decode_segment(memory_.page, superblock_.salt) : std::nullopt;
    segments_.at(index) = header && header->index == index ? *header : SegmentHeader{};
  }
  segments_.find_newest();
  co_return Status();
}

// The disk does not give back the page, and its blocks say the same. Those of older generations are
// left from earlier rounds.
Task<Status> JournalStore::rebuild_header(std::size_t index) {
  SegmentHeader best;
  SegmentHeader& slot = segments_.at(index);
  for (std::uint64_t at = segments_.first_block_of(index);
       at + BlockHeader::bytes <= segments_.end_of(index); at += page_bytes) {
    const Status read = co_await read_fully(memory_.page, at);
    if (read.error() == Error::cancelled) co_return read;
    const auto seen = read ? decode_block_header(memory_.page) : std::nullopt;
    if (!seen || seen->generation <= best.generation) continue;
    slot.generation = seen->generation;  // of the blocks that it looks for
    const auto whole = co_await read_block(at, index);
    if (!whole && whole.error() == Error::cancelled) co_return whole.error();
    if (!whole) continue;
    best.index = static_cast<std::uint32_t>(index);
    best.generation = whole->generation;
    best.first_sequence = whole->sequence;
    best.first_position = whole->first_position;
    best.first_ordinal = whole->first_ordinal;
    best.unwritten_events = whole->unwritten_events;
    best.body_bytes = whole->body_bytes;
  }
  slot = best;
  co_return Status();
}

// --- its readers ---------------------------------------------------------------------------------

void JournalStore::place_readers(const Recovered& end) {
  // What the last page knew may be more than what was written: blocks that needed no writing.
  std::uint64_t ordinal = 0, body_bytes = cursors_.body_bytes, position = cursors_.head_position;
  std::uint64_t sequence = 1;
  if (end.any) {
    ordinal = end.last.first_ordinal + end.last.events;
    unwritten_events_ = end.last.unwritten_events;
    body_bytes = std::max(body_bytes, end.last.body_bytes);
    position = std::max(position, end.last.last_position);
    sequence = end.last.sequence + 1;
    known_boot_ = end.last.boot;
    known_clock_offset_ns_ = end.last.clock_offset_ns;
    // The end is damaged: whoever looks for its blocks must not find others with their numbers.
    if (end.promised > end.last.last_position)
      sequence += (end.promised - end.last.last_position) / pipeline::record_alignment;
    if (end.promised_events > end.last.written_behind())
      sequence += end.promised_events - end.last.written_behind();
  } else if (!segments_.empty()) {
    const SegmentHeader& newest = segments_.at(segments_.newest());
    ordinal = newest.first_ordinal;
    unwritten_events_ = newest.unwritten_events;
    position = std::max(position, newest.first_position);
    sequence = newest.first_sequence;
  }
  for (const Cursor& each : cursors_.cursors) position = std::max(position, each.position);
  // What cannot be read now has numbers, too: as many as a segment has pages, at most.
  if (end.unreadable) {
    const std::uint64_t blocks_max = superblock_.segment_bytes / page_bytes;
    sequence += blocks_max;
    position += blocks_max * superblock_.raw_bytes_max;
  }
  // Who has not read to the end goes on where it was, although nothing there may be readable.
  for (const Cursor& each : cursors_.cursors)
    if (each.position < position) sequence = std::max(sequence, each.sequence + 1);
  // Blocks count what lies on disk, the page what was written of purpose: one that was given up
  // when a sync failed, and never needed again, may lie there all the same. What is put from now on
  // goes on with the blocks' count, or it would look as if something were missing in front of it.
  std::uint64_t written = ordinal - unwritten_events_;
  if (cursors_.head_ordinal > ordinal) {
    // After a stop in order the page knows it. Else the rest was never promised to anybody.
    const bool in_order = cursors_.durable_position == cursors_.head_position;
    if (in_order) written = std::max(written, cursors_.head_ordinal - cursors_.unwritten_events);
    ordinal = cursors_.head_ordinal;
  }
  unwritten_events_ = ordinal - written;
  // Not align_up: positions have 64 bits everywhere.
  position += (0 - position) % pipeline::record_alignment;
  channel().begin_at(position);
  table().begin(epoch_, sequence, ordinal, body_bytes);
  written_sequence_ = sequence - 1;

  std::vector<Cursor> known;
  known.swap(cursors_.cursors);
  cursors_.cursors.reserve(2 * cursors_max);
  const auto readers = channel().subscriptions();
  for (std::size_t index = 0; index < readers.size(); ++index) {
    readers[index].read_blocks(
        memory_.readers[index],
        memory_.loaded.subspan(index * settings_.raw_bytes_max(), settings_.raw_bytes_max()));
    Cursor cursor;
    cursor.name = cursor_name(readers[index].name());
    pipeline::Gap gap;
    BlockPlace place{sequence, position, 0, ordinal, body_bytes};
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const Cursor& each) { return each.name == cursor.name; });
    if (found != known.end()) {
      // Behind the last block, and behind all that was promised, nothing can be missing.
      const bool is_owed = found->position < std::max(end.promised, end.last.last_position) ||
                           found->ordinal < end.promised_events;
      if (found->sequence < sequence && is_owed) {
        place = {found->sequence, found->position, found->block_at, found->ordinal, 0};
        place.written_only = true;
      }
      gap = kept_gap(*found);
      known.erase(found);
    } else if (!settings_.start_at_end && !segments_.empty()) {
      place = first_block_of(segments_.oldest());
    }
    place.position = std::min(place.position, position);
    readers[index].begin_at(place, gap);
    cursor.position = place.position;
    cursors_.cursors.push_back(std::move(cursor));
  }
  own_cursors_ = cursors_.cursors.size();
  for (Cursor& each : known) {
    log_warn(context_.name, settings_.path, " keeps events for the sink ", each.name,
             ", which reads it no more; release them with: runnel journal release ", settings_.path,
             " ", each.name);
    cursors_.cursors.push_back(std::move(each));
  }
}

}  // namespace runnel::channels::journal
