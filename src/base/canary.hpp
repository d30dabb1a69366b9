// Deliberate mistakes, to see whether the simulator's checker finds them: one of them is let loose
// by name at run time (`runnel_swarm --canary NAME`). They exist in builds with tests only. In the
// product `canary` is false at compile time, so neither their code nor their names are in it; the
// static assertion below is part of every product build, and tests/sim/swarm/no_canaries.py looks
// into the objects.
#pragma once

namespace runnel {

enum class Canary : unsigned char {
  none,
  checkpoint_early,             // positions are written down before custody has reached them
  batch_out_of_order,           // a batch that was given back goes out behind a newer one
  buffer_recycled_early,        // a receive buffer goes back while it is still read
  acknowledged_before_write,    // the channel forgets a batch before the sink has written it
  sync_skipped,                 // what is not synced counts as durable
  gap_forgotten,                // drop_newest does not say what it has dropped
  rotated_rest_lost,            // a renamed file is not read to its end
  checkpoint_not_synced,        // a checkpoint is renamed into place without a sync
  short_write_as_whole,         // a write that came out short counts as all of the frame
  torn_frame_kept,              // what a crash has torn is not cut off at the start
  last_checkpoint_skipped,      // a stop in order does not write the last positions down
  drain_without_end,            // a stop does not look at drain_timeout
  writers_not_woken,            // who waits for room in the channel is not told of it
  handle_kept,                  // a file that is let go keeps its handle
  journal_custody_before_sync,  // a block counts as durable when it is written
  journal_cursor_ahead,         // a sink's place is written down before it has acknowledged
  journal_segment_reused,       // a segment is written over although a sink has not read it
  journal_torn_tail_kept,       // what follows a hole at the end is taken for good
  allocates,                    // the heap is used after the start
};

#ifdef RUNNEL_CANARIES

inline constexpr const char* canary_names[] = {
    "none",
    "checkpoint_early",
    "batch_out_of_order",
    "buffer_recycled_early",
    "acknowledged_before_write",
    "sync_skipped",
    "gap_forgotten",
    "rotated_rest_lost",
    "checkpoint_not_synced",
    "short_write_as_whole",
    "torn_frame_kept",
    "last_checkpoint_skipped",
    "drain_without_end",
    "writers_not_woken",
    "handle_kept",
    "journal_custody_before_sync",
    "journal_cursor_ahead",
    "journal_segment_reused",
    "journal_torn_tail_kept",
    "allocates",
};
static_assert(sizeof(canary_names) / sizeof(*canary_names) ==
              static_cast<unsigned>(Canary::allocates) + 1);

inline Canary canary_at_large = Canary::none;
inline bool canary(Canary which) { return which == canary_at_large; }

#else

constexpr bool canary(Canary) { return false; }
static_assert(!canary(Canary::checkpoint_early) && !canary(Canary::allocates));

#endif

}  // namespace runnel
