// What a journal is told, checked.
#pragma once

#include <string>

#include "base/time.hpp"
#include "codec/compressor.hpp"
#include "pipeline/channel.hpp"

namespace runnel::channels::journal {

enum class Mode : std::uint8_t {
  always,    // everything is written
  overflow,  // only what the ring has no room for, and at the end what is not delivered
};
enum class Sync : std::uint8_t { batch, interval, never };

struct Settings {
  std::string path;
  std::uint64_t file_bytes = 0;
  Mode mode = Mode::always;
  Sync sync = Sync::batch;
  Duration sync_interval = Duration::zero();  // Sync::interval
  pipeline::WhenFull when_full = pipeline::WhenFull::block;
  std::size_t memory_bytes = 0;  // of the ring
  std::size_t block_bytes = 0;   // of records, before compression
  int level = 1;
  Duration block_age = Duration::zero();  // what has waited so long is written, full or not
  Duration cursor_interval = Duration::zero();
  std::uint64_t written_bytes_max_per_day = 0;  // 0: no limit
  bool start_at_end = false;                    // of a sink that the journal has not seen
  std::uint32_t subscriptions = 1;

  // Records of one block: at least this, and room for one more header.
  std::size_t raw_bytes_max() const { return block_bytes; }
  codec::CompressorSettings compressor() const {
    return {.codec = codec::Codec::zstd, .level = level, .input_bytes_max = raw_bytes_max()};
  }
};

}  // namespace runnel::channels::journal
