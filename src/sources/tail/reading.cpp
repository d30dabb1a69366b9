// From the bytes of a file to events in the channel.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "async/notice.hpp"
#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/mark.hpp"
#include "sources/tail/lines.hpp"
#include "sources/tail/tail.hpp"

namespace runnel::sources::tail {

// What putting came to. `needed`: the record for which there was no room; zero: all was put.
struct Tail::Cut {
  std::size_t consumed = 0;
  std::size_t needed = 0;
  std::uint32_t events = 0;
};

async::Task<Result<std::uint32_t>> Tail::read_piece(File& file) {
  const bool inside_long_line = file.unfinished > settings_.event_bytes_max;
  const std::uint64_t from = file.offset + (inside_long_line ? file.unfinished : 0);
  const auto got = co_await async::read(file.handle, buffer_, from);
  if (!got) co_return fail(got.error());
  if (*got == 0) {
    // Shorter than it was. Not at once: some file systems state sizes that cannot be read.
    file.at_end = true;
    file.look = true;
    co_return 0;
  }
  const Bytes bytes(buffer_.data(), *got);
  // By these very bytes: what is looked at later may be the beginning of what came after them, when
  // the file was emptied and filled again meanwhile.
  if (file.fingerprint.extend(bytes, from)) changed();
  if (!inside_long_line) {
    const auto put = co_await put_all(file, bytes);
    co_return put;
  }
  // Only its end is looked for: then its beginning is read again. No memory for what lies between.
  const void* newline = std::memchr(bytes.data(), '\n', bytes.size());
  if (newline == nullptr) {
    file.unfinished += bytes.size();
    file.at_end = file.offset + file.unfinished >= file.size;
    co_return 0;
  }
  const auto before =
      static_cast<std::size_t>(static_cast<const std::byte*>(newline) - bytes.data());
  const auto put = co_await put_tail(file, file.unfinished + before, true);
  co_return put;
}

// Every whole line in `bytes`, however long the channel takes for them.
async::Task<Result<std::uint32_t>> Tail::put_all(File& file, Bytes bytes) {
  std::uint32_t events = 0;
  pipeline::Turn turn;
  while (true) {
    const Cut cut = put_lines(file, bytes, turn);
    bytes = bytes.subspan(cut.consumed);
    events += cut.events;
    if (cut.needed == 0) break;
    const Status waited = co_await room(cut.needed, turn);
    if (!waited) co_return fail(waited.error());
  }
  file.unfinished = bytes.size();
  file.at_end = file.offset + file.unfinished >= file.size;
  co_return events;
}

pipeline::Event Tail::event_of(const File& file) const {
  pipeline::Event event;
  event.time = pipeline::Time::arrived(context().now());
  if (!settings_.header.empty()) event.context = pipeline::Headers(paths_.with_prefix(file.label));
  return event;
}

// The hot path.
Tail::Cut Tail::put_lines(File& file, Bytes bytes, pipeline::Turn& turn) {
  Cut cut;
  Lines lines(bytes);
  pipeline::OutletPut put = context().outlet.put(turn);
  pipeline::Event event = event_of(file);
  const std::uint64_t wanted = file.end - file.offset;
  for (Bytes line; cut.consumed < wanted && lines.next(line); cut.consumed = lines.consumed()) {
    const bool too_long = line.size() > settings_.event_bytes_max;
    event.body = too_long ? line.first(settings_.event_bytes_max) : line;
    const Status status = too_long
                              ? append_cut(put, event, line.size() - event.body.size(), cut.needed)
                              : put.append(event);
    if (!status) [[unlikely]] {
      if (!too_long) cut.needed = pipeline::record_bytes(event);
      break;
    }
  }
  cut.events = static_cast<std::uint32_t>(put.events());
  const pipeline::Receipt receipt = put.commit();
  file.offset += cut.consumed;
  if (cut.consumed > 0) note(file, receipt);
  return cut;
}

Status Tail::append_cut(pipeline::OutletPut& put, pipeline::Event& event, std::uint64_t cut_bytes,
                        std::size_t& needed) {
  std::array<std::byte, 64> storage;
  pipeline::HeaderWriter writer{MutableBytes(storage)};
  writer.add("cut_bytes", Text<24>(cut_bytes).text());
  event.headers = writer.headers();
  const Status status = put.append(event);
  if (status) {
    ++context().counters.cut_events;
    passed(Seldom::event_cut);
  } else {
    needed = pipeline::record_bytes(event);
  }
  event.headers = {};
  return status;
}

Tail::Cut Tail::put_one(File& file, Bytes body, std::uint64_t cut_bytes, pipeline::Turn& turn) {
  Cut cut;
  pipeline::OutletPut put = context().outlet.put(turn);
  pipeline::Event event = event_of(file);
  event.body = body;
  const Status status =
      cut_bytes > 0 ? append_cut(put, event, cut_bytes, cut.needed) : put.append(event);
  if (!status && cut_bytes == 0) cut.needed = pipeline::record_bytes(event);
  cut.events = static_cast<std::uint32_t>(put.events());
  const pipeline::Receipt receipt = put.commit();
  if (!status) return cut;
  note(file, receipt);
  return cut;
}

// The `length` bytes at the file's offset as one event: a line that is too long for the buffer, or
// a last one without its newline.
async::Task<Result<std::uint32_t>> Tail::put_tail(File& file, std::uint64_t length, bool newline) {
  const auto wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(length, settings_.event_bytes_max));
  const auto got = co_await read_fully(file.handle, buffer_.first(wanted), file.offset);
  if (!got) co_return fail(got.error());
  if (*got < wanted) {
    file.look = true;  // truncated meanwhile
    file.at_end = false;
    co_return 0;
  }
  const Bytes body(buffer_.data(), wanted);
  // Advanced before the note is made; custody is that of the event all the same.
  file.offset += length + (newline ? 1 : 0);
  file.unfinished = 0;
  std::uint32_t events = 0;
  pipeline::Turn turn;
  while (true) {
    const Cut cut = put_one(file, body, length - wanted, turn);
    events += cut.events;
    if (cut.needed == 0) break;
    const Status waited = co_await room(cut.needed, turn);
    if (!waited) co_return fail(waited.error());
  }
  file.at_end = file.offset >= file.size;
  co_return events;
}

struct Tail::RoomWait {
  async::Notice bell;
  bool done = false;
  bool changes = false;  // in watched folders
  Status outcome;
};

async::Task<void> Tail::wait_for_room(std::size_t bytes, pipeline::Turn& turn, RoomWait& wait) {
  wait.outcome = co_await context().outlet.writable(bytes, turn);
  wait.done = true;
  wait.bell.ring();
}

async::Task<void> Tail::watch_meanwhile(RoomWait& wait) {
  // A log that grows all the time tells so all the time.
  constexpr Duration pause = 1s;
  while (true) {
    const Status told = co_await async::ready(folders_.watcher());
    if (!told) co_return;
    wait.changes = true;
    wait.bell.ring();
    const Status slept = co_await async::sleep_until(after(context().now(), pause));
    if (!slept) co_return;
  }
}

// A channel may be full for hours. Checkpoints of what it has handed on are written meanwhile, and
// files that appear and move are met: one that is rotated twice until there is room would otherwise
// never have had a name that is looked for.
async::Task<Status> Tail::room(std::size_t bytes, pipeline::Turn& turn) {
  async::Scope& outer = *co_await async::current_scope();
  async::Scope inner(outer, context().name);
  RoomWait wait;
  inner.spawn(wait_for_room(bytes, turn, wait));
  if (folders_.watcher() != io::Handle::none) inner.spawn(watch_meanwhile(wait));
  while (!wait.done) {
    const Status rang = co_await wait.bell.wait(std::min(next_save_, next_look()));
    if (!rang && rang.error() == Error::cancelled) break;
    if (wait.done) break;
    if (std::exchange(wait.changes, false) || context().now() >= next_look()) look_around();
    co_await save_if_due();
  }
  inner.cancel();
  co_await inner.join();
  co_return wait.done ? wait.outcome : Status(Error::cancelled);
}

}  // namespace runnel::sources::tail
