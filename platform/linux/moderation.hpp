// Interrupt moderation, as network cards do it: while data comes in small pieces one behind the
// other, a driver rests a moment before it asks again and then takes all of them at once. Waking up
// for each piece costs several times what handling it does.
//
// Only when nothing else is waited for: no file operation, and no peer that was sent something and
// may owe an answer. A first piece is never delayed, nor are pieces further apart than
// `close_together`.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"
#include "io/operation.hpp"

namespace runnel::linux_os {

class Moderation {
 public:
  static constexpr Duration rest_length = std::chrono::microseconds(500);
  static constexpr Duration close_together = std::chrono::milliseconds(1);
  // From here on a harvest is worth its waking up.
  static constexpr std::uint32_t buffers_enough = 32;
  static constexpr std::uint32_t bytes_enough = 64 * 1024;

  // Does somebody wait for this operation's outcome, rather than for what others may send?
  static bool is_prompt(io::Verb verb) {
    return !io::is_stream(verb) && verb != io::Verb::accept && verb != io::Verb::ready &&
           verb != io::Verb::sync;
  }
  void submitted(io::Verb verb) {
    if (verb == io::Verb::send || verb == io::Verb::send_to || verb == io::Verb::connect)
      small_pieces_ = false;
  }
  void received(std::uint32_t bytes) {
    ++buffers_;
    bytes_ += bytes;
  }
  // At the end of a turn that handed something over.
  void turn_ends(Instant now) {
    if (buffers_ == 0) return;
    small_pieces_ =
        buffers_ < buffers_enough && bytes_ < bytes_enough && now - last_harvest_ < close_together;
    last_harvest_ = now;
    buffers_ = bytes_ = 0;
  }
  // How long to rest before the next wait; once for each turn that brought small pieces.
  Duration take_rest(Instant now, Instant until) {
    if (!small_pieces_) return Duration::zero();
    small_pieces_ = false;
    return std::min<Duration>(rest_length, until - now);
  }

 private:
  bool small_pieces_ = false;
  std::uint32_t buffers_ = 0;
  std::uint32_t bytes_ = 0;
  Instant last_harvest_;
};

// Sleeps; a signal ends it early.
void rest(Duration length);

}  // namespace runnel::linux_os
