// Coverage marks: rare paths that the simulator has to have entered. In builds with tests each
// counts how often it was passed; in the product a mark is nothing. The list is complete by its
// form: a mark is a member of `Seldom`, and `runnel_swarm` fails when one that is listed was never
// passed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel {

// clang-format off
#define RUNNEL_MARKS(X)                                                                      \
  X(aborted_wait_lost_the_race)   /* a cancelled wait had its result already */              \
  X(batch_given_back)             /* undelivered at the end */                               \
  X(checkpoint_loaded)            /* a start went on from one */                             \
  X(checkpoint_not_saved)         /* the disk refused; tried again */                        \
  X(datagrams_dropped)            /* the kernel's buffer was full */                         \
  X(deleted_file_read_to_end)     /* tail: read on after its last name went */               \
  X(drain_timed_out)              /* a stop gave up waiting for a sink */                    \
  X(event_cut)                    /* longer than event_bytes_max */                          \
  X(file_could_not_be_read)       /* tail: an error of the medium */                         \
  X(file_given_up_after_sync)     /* a sync failed: cut, closed, written again */            \
  X(frame_crossed_buffers)        /* a frame began in one receive buffer, ended in another */ \
  X(gap_before_batch)             /* drop_oldest: a batch says what went before it */        \
  X(gap_record_written)           /* drop_newest: the next event that fits brings the gap */ \
  X(journal_read_back)            /* a reader that was behind the ring */                    \
  X(journal_tail_torn)            /* a power cut in blocks that were not promised yet */     \
  X(journal_written_again)        /* a sync failed: what is not durable goes out anew */     \
  X(held_and_settled)             /* a sync has covered what was held */                     \
  X(leftover_deleted)             /* recovery: not one whole frame */                        \
  X(leftover_finished)            /* recovery: an unfinished file got its name */            \
  X(leftover_set_aside)           /* recovery: its beginning is no frame */                  \
  X(oldest_dropped_from_worker)   /* drop_oldest took the room of a batch in hand */         \
  X(retry_after_no_space)         /* delivered although the disk had been full */            \
  X(retry_at_stop)                /* a stop made a sink try at once */                       \
  X(ring_rewound)                 /* a drained ring began again at its first byte */         \
  X(ring_wrapped)                 /* padding at the end of the ring */                       \
  X(rotated_while_down)           /* tail: found under another name at the start */          \
  X(rotated_while_up)             /* tail: renamed and read on */                            \
  X(short_write_continued)        /* a frame went out in more than one write */              \
  X(stop_with_open_line)          /* a connection's last line had no end */                  \
  X(stop_with_putter_waiting)     /* a stop found a source waiting for room */               \
  X(torn_frame_cut)               /* a failed write was cut back */                          \
  X(torn_tail_cut)                /* recovery: bytes behind the last whole frame */          \
  X(truncated_file_seen)          /* tail: shorter, or other content */                      \
  X(watch_overflowed)             /* changes of folders were lost: everything is looked at */
// clang-format on

enum class Seldom : std::uint8_t {
#define RUNNEL_MARK_MEMBER(name) name,
  RUNNEL_MARKS(RUNNEL_MARK_MEMBER)
#undef RUNNEL_MARK_MEMBER
      count_of_marks
};
inline constexpr std::size_t mark_count = static_cast<std::size_t>(Seldom::count_of_marks);

#ifdef RUNNEL_CANARIES
inline std::uint64_t mark_counts[mark_count] = {};
inline void passed(Seldom mark) { ++mark_counts[static_cast<std::size_t>(mark)]; }
#else
constexpr void passed(Seldom) {}
#endif

}  // namespace runnel
