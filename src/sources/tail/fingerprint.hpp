// What a file's first bytes are: tells a file from another one that got its inode number, and a
// file that was emptied and filled again from one that only grew. Up to 256 bytes; of a shorter
// file what there is, extended as it grows.
#pragma once

#include <algorithm>

#include "base/bytes.hpp"
#include "base/crc32c.hpp"

namespace runnel::sources::tail {

struct Fingerprint {
  static constexpr std::size_t bytes_max = 256;

  std::uint16_t bytes = 0;
  std::uint32_t crc = 0;

  static Fingerprint of(Bytes head) {
    const Bytes part = head.first(head.size() < bytes_max ? head.size() : bytes_max);
    return {static_cast<std::uint16_t>(part.size()), crc32c(part)};
  }
  // By what was read of the file from offset `from` on; true: it is longer now.
  bool extend(Bytes read, std::uint64_t from) {
    if (bytes >= bytes_max || from > bytes || from + read.size() <= bytes) return false;
    const Bytes rest = read.subspan(static_cast<std::size_t>(bytes - from));
    const Bytes part = rest.first(std::min(rest.size(), bytes_max - bytes));
    crc = crc32c(part, crc);
    bytes = static_cast<std::uint16_t>(bytes + part.size());
    return true;
  }
  bool matches(Bytes head) const {
    return head.size() >= bytes && crc32c(head.first(bytes)) == crc;
  }
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

}  // namespace runnel::sources::tail
