// What the file sink is told to do; checked by options.cpp.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "codec/compressor.hpp"
#include "sinks/file/path_template.hpp"

namespace runnel::sinks {

// When what was written is made durable, and so when the channel may forget it.
enum class Fsync : std::uint8_t {
  interval,  // at most this long after it was written; zero: at once ("batch")
  roll,      // when its file is closed, or the channel needs the room
  never,     // not at all: written is delivered
};

struct FileSettings {
  PathTemplate path;
  codec::Codec codec = codec::Codec::none;
  // Zero: no limit.
  std::uint64_t roll_bytes = 64u << 20;
  std::uint64_t roll_events = 0;
  Duration roll_age = std::chrono::hours(1);
  Duration roll_idle = Duration::zero();
  Fsync fsync = Fsync::interval;
  Duration fsync_interval = std::chrono::seconds(1);
  std::uint64_t keep_bytes = 0;
  Duration keep_age = Duration::zero();
  std::uint32_t files_open_max = 16;
};

}  // namespace runnel::sinks
