// The walk over a batch of datagrams: each is one event, or one a line.
#pragma once

#include <algorithm>
#include <cstring>

#include "sources/listening/intake.hpp"
#include "sources/listening/peer_header.hpp"

namespace runnel::sources {

enum class DatagramFraming : std::uint8_t { datagram, newline };

struct DatagramRules {
  DatagramFraming framing = DatagramFraming::datagram;
  std::size_t bytes_max = 0;  // longer datagrams are cut
};

// The line of `rest` that comes first; `size` with its newline.
struct Line {
  Bytes bytes;
  std::size_t size = 0;
};
inline Line first_line(Bytes rest) {
  const void* found = std::memchr(rest.data(), '\n', rest.size());
  Line line{rest, rest.size()};
  if (found != nullptr) {
    const auto end = static_cast<std::size_t>(static_cast<const std::byte*>(found) - rest.data());
    line = {rest.first(end), end + 1};
  }
  if (!line.bytes.empty() && line.bytes.back() == std::byte{'\r'})
    line.bytes = line.bytes.first(line.bytes.size() - 1);
  return line;
}

// Empty datagrams and empty lines are no events.
template <class Events>
Taken take_datagrams(Events& events, PeerHeaders& peers, const DatagramRules& rules,
                     pipeline::OutletPut& put, std::span<const async::BufferLease> datagrams,
                     DatagramCursor& cursor, Instant arrived) {
  Taken taken;
  RawEvent raw;
  raw.arrived = arrived;
  for (; cursor.index < datagrams.size(); ++cursor.index, cursor.offset = 0) {
    const io::Buffer& buffer = *datagrams[cursor.index];
    const Bytes kept = buffer.bytes().first(std::min<std::size_t>(buffer.size, rules.bytes_max));
    const bool truncated = buffer.truncated || kept.size() < buffer.size;
    raw.context = peers.of(buffer.peer);
    while (cursor.offset < kept.size()) {
      Line line{kept, kept.size()};
      if (rules.framing == DatagramFraming::newline) line = first_line(kept.subspan(cursor.offset));
      // Only the last line of a cut datagram is cut.
      raw.truncated = truncated && cursor.offset + line.size == kept.size();
      raw.bytes = line.bytes;
      if (!raw.bytes.empty() && !append(events, put, raw, taken)) return taken;
      cursor.offset += line.size;
    }
  }
  return taken;
}

}  // namespace runnel::sources
