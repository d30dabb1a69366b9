// The text of a tail's checkpoint file: how far each file may be forgotten. Always written as a
// whole, under another name, synced and renamed: what is found is whole, or something else has
// damaged it.
//
//   runnel tail checkpoint 1
//   <device> <inode> <fingerprint bytes> <fingerprint CRC-32C> <offset> <path>
//   end <files> <CRC-32C of everything before this line>
//
// Numbers are decimal, fields are parted by one space. In paths, bytes up to space, DEL and `%` are
// written as `%` and two hexadecimal digits. For instance:
//
//   runnel tail checkpoint 1
//   2049 131090 256 3808858755 18812 /var/log/dpkg.log
//   end 1 1869294005
#pragma once

#include <cstdint>
#include <string_view>

#include "base/function_ref.hpp"
#include "base/text.hpp"
#include "sources/tail/fingerprint.hpp"

namespace runnel::sources::tail {

struct SavedPosition {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Fingerprint fingerprint;
  std::uint64_t offset = 0;
  std::string_view path;
};

// Longest line: five numbers and a path of which every byte is escaped.
inline constexpr std::size_t position_line_bytes_max = 5 * 21 + 3 * 1023 + 1;

void write_first_line(TextWriter& out);
void write_position(TextWriter& out, const SavedPosition& position);
void write_last_line(TextWriter& out, std::size_t positions, std::uint32_t crc_before);

enum class PositionsRead : std::uint8_t {
  whole,
  unknown_version,  // written by a later Runnel
  damaged,
  refused,  // `each` answered false
};
// Nothing is handed out before the whole text has been found good. The path is valid in the call.
PositionsRead read_positions(std::string_view text, FunctionRef<bool(const SavedPosition&)> each);

}  // namespace runnel::sources::tail
