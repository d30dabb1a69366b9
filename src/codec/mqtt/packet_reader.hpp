// Cuts what a server sends into packets, over a buffer that the caller gives and keeps; nothing is
// copied or allocated. A packet of another client's kind, or with flags that its kind does not
// have, breaks the stream at its first byte, so that a server of another protocol is noticed at
// once. The buffer is the limit of a packet's size: a message (PUBLISH) that is larger is stepped
// over and counted, as nobody here has asked for it; any other packet that is larger breaks it.
//
//   reader.filled(number of bytes read into reader.room());
//   for (;;) {
//     const auto step = reader.next();
//     if (step.kind != PacketReader::Step::Kind::packet) break;
//     ...
//   }
#pragma once

#include <cstdint>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "codec/mqtt/packet.hpp"

namespace runnel::codec::mqtt {

class PacketReader {
 public:
  struct Step {
    enum class Kind : std::uint8_t { packet, need_more, broken };
    Kind kind = Kind::need_more;
    Error error = Error::none;  // of `broken`: `malformed` or `too_large`. It is said for ever
    Packet packet;              // valid until room() or reset()
  };
  static constexpr std::size_t buffer_bytes_least = 16;

  explicit PacketReader(MutableBytes buffer) : buffer_(buffer) {
    RUNNEL_ASSERT(buffer.size() >= buffer_bytes_least);
  }

  // Where the next bytes go: never empty when next() has said need_more since it was last filled.
  MutableBytes room();
  void filled(std::size_t bytes);
  Step next();

  // For the next connection.
  void reset();
  std::uint64_t skipped_packets() const { return skipped_packets_; }

 private:
  Step broken(Error error);

  MutableBytes buffer_;
  // Invariant: begin_ <= end_ <= buffer_.size(); what has come and is not consumed lies between.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint32_t skip_bytes_ = 0;  // still to come of a message that is stepped over
  Error broken_ = Error::none;
  std::uint64_t skipped_packets_ = 0;
};

}  // namespace runnel::codec::mqtt
