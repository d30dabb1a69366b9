// Blocks on their way back: for readers that have not kept up with the ring.
#include <algorithm>
#include <cstring>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/mark.hpp"
#include "channels/journal/journal_store.hpp"
#include "channels/journal/records.hpp"

namespace runnel::channels::journal {

using async::Task;
using pipeline::Block;
using pipeline::BlockPlace;
using pipeline::Gap;

namespace {

// About a minute.
constexpr int load_patience = 18;

}  // namespace

Task<void> JournalStore::load_on() {
  while (true) {
    bool any = false;
    for (Subscription& reader : channel().subscriptions()) {
      if (!reader.blocks_read().waiting) continue;
      any = true;
      const Status looked = co_await load_for(reader);
      if (!looked) co_return;
    }
    if (any) continue;
    const Status rang = co_await loads_.wait();
    if (!rang) co_return;
  }
}

Task<Status> JournalStore::read_fully(MutableBytes into, std::uint64_t at) {
  while (!into.empty()) {
    const auto got = co_await async::read(file_, into, at);
    if (!got) co_return got.error();
    if (*got == 0) co_return Error::malformed;  // shorter than it should be
    at += *got;
    into = into.subspan(*got);
  }
  co_return Status();
}

Task<Result<BlockHeader>> JournalStore::read_block(std::uint64_t at, std::size_t segment) {
  const std::uint64_t end = segments_.end_of(segment);
  // Mostly all of it; what is larger takes a second look.
  constexpr std::size_t first_look = 64 * 1024;
  const auto looked = static_cast<std::size_t>(
      std::min<std::uint64_t>({first_look, memory_.read.size(), end - at}));
  const Status first = co_await read_fully(memory_.read.first(looked), at);
  if (!first) co_return fail(first.error());
  const auto header = decode_block_header(memory_.read.first(looked));
  if (!header || header->generation != segments_.at(segment).generation)
    co_return fail(Error::malformed);
  const std::uint64_t size = block_bytes_on_disk(header->payload_bytes);
  if (size > end - at || size > memory_.read.size() ||
      header->raw_bytes > settings_.raw_bytes_max())
    co_return fail(Error::malformed);
  if (size > looked) {
    const Status rest = co_await read_fully(
        memory_.read.subspan(looked, static_cast<std::size_t>(size) - looked), at + looked);
    if (!rest) co_return fail(rest.error());
  }
  if (!is_whole(*header, memory_.read, superblock_.salt)) co_return fail(Error::malformed);
  co_return *header;
}

// The same for a page, before it counts as damaged.
Task<Status> JournalStore::read_patiently(MutableBytes into, std::uint64_t at, int attempts) {
  Duration pause = 50ms;
  while (true) {
    const Status read = co_await read_fully(into, at);
    const bool refused = !read && read.error() != Error::malformed;
    if (!refused || read.error() == Error::cancelled) co_return read;
    ++counters().errors;
    if (--attempts == 0) co_return read;
    const Status slept = co_await async::sleep_until(after(context_.now(), pause));
    if (!slept) co_return slept;
    pause = std::min<Duration>(2 * pause, 5s);
  }
}

// An error of the medium may pass; only then is it the block that is bad.
Task<Result<BlockHeader>> JournalStore::read_block_patiently(std::uint64_t at, std::size_t segment,
                                                             int attempts) {
  Duration pause = 50ms;
  while (true) {
    const auto header = co_await read_block(at, segment);
    const bool refused = !header && header.error() != Error::malformed;
    if (!refused || header.error() == Error::cancelled) co_return header;
    ++counters().errors;
    if (--attempts == 0) co_return header;
    if (complaint_.due(context_.now()))
      log_warn(context_.name, settings_.path, " cannot be read at ", at, ": ",
               describe(header.error()), "; tried again");
    const Status slept = co_await async::sleep_until(after(context_.now(), pause));
    if (!slept) co_return fail(slept.error());
    pause = std::min<Duration>(2 * pause, 5s);
  }
}

// Into records that may be trusted; false: they may not.
bool JournalStore::unpack(const BlockHeader& header, MutableBytes into) {
  const Bytes payload = memory_.read.subspan(BlockHeader::bytes, header.payload_bytes);
  const MutableBytes raw = into.first(header.raw_bytes);
  if (header.codec == BlockCodec::zstd) {
    const auto size = decompressor_.decompress(payload, raw);
    if (!size || *size != raw.size()) return false;
  } else {
    if (payload.size() != raw.size()) return false;
    std::memcpy(raw.data(), payload.data(), raw.size());
  }
  const RecordsFound found = check_records(raw);
  return found.wrong == nullptr && found.events == header.events && found.gaps == header.gaps;
}

Block JournalStore::block_of(const BlockHeader& header, std::uint64_t at) const {
  Block block;
  block.sequence = header.sequence;
  block.state = Block::State::synced;
  block.first = {header.first_position, 0};
  block.bytes = header.raw_bytes;
  block.counts = {header.events, header.gaps, 0};
  block.ordinal = header.first_ordinal;
  block.body_bytes_before = header.body_bytes;
  block.place = at;
  block.place_behind = at + block_bytes_on_disk(header.payload_bytes);
  block.is_loaded = true;
  block.unwritten_events = header.unwritten_events;
  block.epoch = header.epoch;
  block.foreign = header.boot != context_.system.facts().boot_id;
  // Before the clock was set, the last that is known of that boot is right for all of it.
  block.clock_offset_ns =
      header.boot == known_boot_ ? known_clock_offset_ns_ : header.clock_offset_ns;
  return block;
}

// What should have come before the event with number `ordinal`, and does not.
Gap JournalStore::missing_between(const BlockPlace& wanted, std::uint64_t ordinal,
                                  std::uint64_t body_bytes) {
  const auto now = pipeline::Time::arrived(context_.now());
  if (ordinal <= wanted.ordinal) return {};
  const std::uint64_t bytes = body_bytes > wanted.body_bytes ? body_bytes - wanted.body_bytes : 0;
  return {ordinal - wanted.ordinal, bytes, now, now};
}

// The block that the reader wants or, where that is damaged, the next one. `cancelled`: the reader
// waits still, and nobody will serve it any more.
Task<Status> JournalStore::load_for(Subscription& reader) {
  const BlockPlace wanted = reader.blocks_read().wanted;
  const auto damaged = [&](const Gap& missing) {
    counters().damaged_events += missing.events;
    if (missing.events > 0 && damage_complaint_.due(context_.now()))
      log_error(context_.name, settings_.path, ": ", missing.events,
                " events cannot be read any more (damaged); what comes behind them is delivered");
  };
  std::size_t segment = Segments::none;
  std::uint64_t at = wanted.place;
  if (!segments_.empty()) {
    // Its segment may have other blocks now.
    if (!segments_.contains(at) ||
        segments_.at(segments_.index_of(at)).first_sequence > wanted.sequence)
      at = 0;
    segment = at == 0 ? segments_.with_sequence(wanted.sequence) : segments_.index_of(at);
    if (at < segments_.first_block_of(segment)) at = segments_.first_block_of(segment);
  }
  while (segment != Segments::none) {
    const bool last = segment == segments_.newest();
    const std::uint64_t end = last ? next_.at : segments_.end_of(segment);
    if (segments_.at(segment).generation == 0 || at + BlockHeader::bytes > end) {
      if (last) break;
      segment = segments_.behind(segment);
      at = segments_.first_block_of(segment);
      continue;
    }
    const auto header = co_await read_block_patiently(at, segment, load_patience);
    if (!header && header.error() == Error::cancelled) co_return header.error();
    if (!header || header->sequence < wanted.sequence) {
      at += header ? block_bytes_on_disk(header->payload_bytes) : page_bytes;
      continue;
    }
    // A newer one is in the ring already: then all of the rest is.
    if (header->sequence >= table().first_sequence() && !table().empty()) break;
    if (!unpack(*header, reader.blocks_buffer())) {
      at += page_bytes;
      continue;
    }
    const Block block = block_of(*header, at);
    const std::uint64_t left_out = wanted.written_only ? header->unwritten_events : 0;
    const Gap missing =
        block.sequence == wanted.sequence
            ? Gap{}
            : missing_between(wanted, block.ordinal - left_out, block.body_bytes_before);
    damaged(missing);
    counters().loaded_events += block.counts.events;
    passed(Seldom::journal_read_back);
    reader.loaded(block, missing);
    co_return Status();
  }
  // Nothing below the ring: what comes next is there.
  std::uint64_t ordinal = table().events_sealed(), body_bytes = table().body_bytes_sealed();
  if (!table().empty()) {
    ordinal = table().front().ordinal;
    body_bytes = table().front().body_bytes_before;
  }
  if (wanted.written_only) ordinal -= std::min(ordinal, unwritten_events_);
  const bool in_ring = wanted.sequence >= table().first_sequence();
  const Gap missing = in_ring ? Gap{} : missing_between(wanted, ordinal, body_bytes);
  damaged(missing);
  reader.nothing_to_load(missing);
  co_return Status();
}

}  // namespace runnel::channels::journal
