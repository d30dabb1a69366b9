// The journal: a file of fixed size below a channel's ring. One task writes blocks, one makes them
// durable, one brings back what a reader has not kept up with, one notes how far the readers have
// come; all in planned memory.
//
// What is where: the disk has the older blocks, the ring the newer ones, and a block leaves the
// ring when it is durable or when all readers have acknowledged it. What is not durable is written
// again from the ring when a sync fails.
#pragma once

#include <span>
#include <string>

#include "async/notice.hpp"
#include "base/log.hpp"
#include "channels/journal/format.hpp"
#include "channels/journal/segments.hpp"
#include "channels/journal/settings.hpp"
#include "channels/journal/write_budget.hpp"
#include "codec/compressor.hpp"
#include "codec/decompressor.hpp"
#include "pipeline/store.hpp"

namespace runnel::channels::journal {

class JournalStore final : public pipeline::Store {
 public:
  struct Memory {
    MutableBytes wire;  // a block on its way to disk
    MutableBytes read;  // one on its way back
    MutableBytes page, segment_page;
    codec::CompressorMemory compressor;
    codec::DecompressorMemory decompressor;
    std::span<SegmentHeader> segments;
    std::span<pipeline::BlockReader> readers;
    MutableBytes loaded;  // a block for each reader
  };
  static Memory carve(Region& region, const Settings& settings);
  JournalStore(pipeline::ChannelContext& context, const Settings& settings, const Memory& memory);
  ~JournalStore() override;

  async::Task<pipeline::Started> start() override;
  async::Task<void> run() override;
  async::Task<bool> shut() override;
  bool keeps() override;
  void opened() override { work_.ring(); }
  void sealed() override { work_.ring(); }
  void acknowledged() override;
  void wanted(pipeline::Subscription&) override { loads_.ring(); }

 private:
  using Block = pipeline::Block;
  using Subscription = pipeline::Subscription;

  // --- start-up (start.cpp, recovery.cpp) ------------------------------------------------------
  static constexpr int start_patience = 8;  // attempts to read a page or block: a few seconds
  // Where the next block goes.
  struct WritePlace {
    std::size_t segment = Segments::none;
    std::uint64_t at = 0;
  };
  // What the segments say of the end.
  struct Recovered {
    WritePlace place;
    bool any = false;
    BlockHeader last;
    std::size_t first_segment = 0;  // where the look for it began
    // What should come next: how many written events lie before it, and where it begins if none lie
    // between that needed no writing.
    std::uint64_t next_written = 0, next_position = 0;
    bool torn = false;  // nothing from here on was promised to anybody
    bool looked_ahead = false;
    bool unreadable = false;  // the disk does not give back some page of it
    // Blocks that end by here, or that many written events, have been durable at some time.
    std::uint64_t promised = 0, promised_events = 0;

    // A page that was written when nothing was left to write says how much that has been; else, how
    // far it was known to be durable.
    void promise_by(const CursorPage& page) {
      if (page.durable_position == page.head_position)
        promised_events = page.head_ordinal - page.unwritten_events;
      else
        promised = page.durable_position;
    }
  };
  async::Task<pipeline::Started> open();
  async::Task<pipeline::Started> create();
  async::Task<Status> sync_folder(const std::string& folder);  // whose string outlives the task
  async::Task<Status> fill_new(io::Handle file, const Superblock& superblock);
  async::Task<pipeline::Started> read_superblock();
  async::Task<Status> read_cursors(Recovered& end);
  void take_up_budget();
  async::Task<Status> read_segments(Recovered& end);
  async::Task<Status> rebuild_header(std::size_t index);
  async::Task<Status> wipe(std::uint64_t at);
  async::Task<Status> clear_next_segment();
  async::Task<Status> find_end(Recovered& end);
  async::Task<Status> search_segment(Recovered& end, std::size_t segment);
  async::Task<Status> look_at_hole(Recovered& end, std::size_t segment, std::uint64_t at);
  async::Task<Status> make_durable(const Recovered& end);
  async::Task<Status> look_for_promises(Recovered& end, std::size_t segment, std::uint64_t at);
  void place_readers(const Recovered& end);
  tl::unexpected<Problem> refuse(std::string_view what, Error why) const;

  // --- when (pacing.cpp) -----------------------------------------------------------------------
  Block* next_to_write();
  bool skips(const Block& block);
  Block* oldest_sealed();
  Instant oldest_due();
  Instant write_due();
  bool writes_by_time() const;
  bool waits_for_more() const;
  Instant writes_again_at() const;
  void withhold(Instant until);
  void withhold_no_more();
  void say_of_stretch(Duration stretch);

  // --- writing (writing.cpp) -------------------------------------------------------------------
  async::Task<void> write_on();
  async::Task<Status> write_block(Block& block);
  async::Task<Status> begin_segment(const Block& first);
  async::Task<Status> make_free(std::size_t index);
  bool is_needed(std::size_t index);
  pipeline::BlockPlace first_block_of(std::size_t index);
  void give_up(std::size_t index);
  async::Task<Status> write_fully(io::Handle file, Bytes bytes, std::uint64_t at);
  bool is_crowded() const;
  async::Task<void> sync_on();
  async::Task<Status> sync();
  async::Task<Status> sync_file();
  void write_again();
  void failed(std::string_view what, Error why);
  void works();

  // --- what may leave the ring -----------------------------------------------------------------
  pipeline::Position acknowledged_by_all() const;
  void release();

  // --- reading back (loading.cpp) --------------------------------------------------------------
  async::Task<void> load_on();
  async::Task<Status> load_for(Subscription& reader);
  // The block at `at`, whole, in `read`; `malformed` when there is none.
  async::Task<Result<BlockHeader>> read_block(std::uint64_t at, std::size_t segment);
  async::Task<Result<BlockHeader>> read_block_patiently(std::uint64_t at, std::size_t segment,
                                                        int attempts);
  async::Task<Status> read_fully(MutableBytes into, std::uint64_t at);
  async::Task<Status> read_patiently(MutableBytes into, std::uint64_t at, int attempts);
  bool unpack(const BlockHeader& header, MutableBytes into);
  Block block_of(const BlockHeader& header, std::uint64_t at) const;
  pipeline::Gap missing_between(const pipeline::BlockPlace& wanted, std::uint64_t ordinal,
                                std::uint64_t body_bytes);

  // --- how far the readers are (cursors.cpp) ---------------------------------------------------
  async::Task<void> save_on();
  async::Task<Status> save_cursors(bool durably);
  void collect_cursors();
  void keep_gap(const pipeline::Gap& gap, Cursor& cursor) const;
  pipeline::Gap kept_gap(const Cursor& cursor) const;
  bool cursors_are_due();

  pipeline::Channel& channel() const { return context_.channel; }
  pipeline::BlockTable& table() const { return context_.channel.block_table(); }
  pipeline::ChannelCounters& counters() const { return context_.channel.counters(); }

  pipeline::ChannelContext& context_;
  const Settings settings_;
  Memory memory_;
  codec::Compressor compressor_;
  codec::Decompressor decompressor_;

  io::Handle file_ = io::Handle::none;
  io::Handle lock_ = io::Handle::none;
  Superblock superblock_;
  Segments segments_;
  CursorPage cursors_;           // as last written, then those of readers that nobody has now
  std::size_t own_cursors_ = 0;  // the first ones: in the order of the subscriptions
  std::uint64_t durable_generation_ = 0;  // of the page with cursors that has been synced last
  std::uint64_t durable_until_ = 0;       // the lowest cursor that is durable
  bool saving_ = false;
  bool unsaved_ = false;                   // the last attempt failed
  std::uint64_t written_bytes_saved_ = 0;  // of the ledger, as the last page has it
  async::Notice saved_;
  async::Notice cursors_moved_;
  std::uint64_t epoch_ = 0;
  // Of the boot that wrote last before this start.
  BootId known_boot_ = {};
  std::int64_t known_clock_offset_ns_ = clock_not_set;

  WritePlace next_;
  WritePlace durable_;
  pipeline::Position durable_position_ = 0;  // the end of the last block that is durable
  std::uint64_t unwritten_events_ = 0;
  std::uint64_t written_sequence_ = 0;  // blocks up to here are written or needed no writing
  bool flushing_ = false;               // at the end: everything goes out
  bool flushes_ = false;                // Sync::interval: it is time
  bool full_ = false;
  bool write_again_ = false;  // a sync has failed
  std::uint64_t sync_failures_ = 0;
  bool syncing_ = false;
  bool sync_due_ = false;  // Sync::interval: all that was due is written
  WriteBudget budget_;     // max_bytes_written_per_day
  bool withheld_ = false;  // it is used up
  Error last_error_ = Error::none;
  Duration pause_ = Duration::zero();

  async::Notice work_;   // there may be something to write
  async::Notice syncs_;  // there may be something to sync
  async::Notice loads_;
  async::Notice idle_;  // something was written or synced
  Occasional complaint_;
  Occasional damage_complaint_;
  Occasional full_complaint_;
  Occasional budget_complaint_{std::chrono::hours(1)};
  Occasional stretch_complaint_{std::chrono::hours(1)};
};

}  // namespace runnel::channels::journal
