// The path of the file sink: literal text, time (%Y %m %d %H %M %S %j, in UTC; %% is a %) and
// headers (%{NAME}), behind a fixed folder. Plain data: nothing is allocated after parsing.
//
// What comes from headers is hostile. A rendered value has 1 to `header_value_bytes_max` bytes, no
// slash, no control byte, no ".." and no dot at either end, so that a path always stays below its
// folder and keeps its depth; a header that is missing or empty is "unknown".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::sinks {

inline constexpr std::size_t path_bytes_max = 1024;  // rendered, with its number and ending
inline constexpr std::size_t path_pattern_bytes_max = 512;
inline constexpr std::size_t path_headers_max = 4;
inline constexpr std::size_t header_value_bytes_max = 128;
inline constexpr std::string_view unfinished_ending = ".tmp";
inline constexpr std::string_view broken_ending = ".broken";
inline constexpr std::uint32_t path_number_max = 99'999;

using PathText = Text<path_bytes_max>;

struct HeaderValue {
  std::uint8_t size = 0;
  char text[header_value_bytes_max];

  std::string_view view() const { return {text, size}; }
  // `bytes_max` is at least 7, the length of "unknown".
  void assign(std::optional<std::string_view> raw, std::size_t bytes_max);
};
using HeaderValues = std::array<HeaderValue, path_headers_max>;

class PathTemplate {
 public:
  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<PathTemplate, std::string> parse(std::string_view pattern);

  // The fixed part, without a slash at its end (except "/" itself).
  std::string_view folder() const { return {folder_, folder_size_}; }
  // Folders between `folder()` and the file.
  std::size_t folders_below() const { return folders_below_; }
  std::size_t header_count() const { return header_count_; }
  std::string_view header(std::size_t index) const { return text_of(headers_[index]); }
  std::size_t value_bytes_max() const { return value_bytes_max_; }

  // Never cut: parsing has checked the worst length.
  void write(TextWriter& out, WallTime time, const HeaderValues& values) const;
  // Whether the template can give this path, as it is or with a number.
  bool matches(std::string_view path) const;

 private:
  enum class Kind : std::uint8_t { literal, time, header };
  struct Piece {
    Kind kind = Kind::literal;
    std::uint16_t begin = 0, size = 0;  // in pattern_; of a header: its name
  };
  static constexpr std::size_t pieces_max = 64;
  // What `matches` compares with: bytes that stand for themselves and these two. A pattern has no
  // control bytes of its own.
  static constexpr char any_digit = '\x01';
  static constexpr char any_text = '\x02';

  std::string_view text_of(const Piece& piece) const {
    return {pattern_ + piece.begin, piece.size};
  }
  std::string add(Kind kind, std::size_t begin, std::size_t size);
  std::string add_percent(std::size_t& at);
  std::string check_components();
  std::string find_folder();
  bool matches_exactly(std::string_view path) const;

  char pattern_[path_pattern_bytes_max] = {};
  std::size_t pattern_size_ = 0;
  char folder_[path_pattern_bytes_max] = {};
  std::size_t folder_size_ = 0;
  std::size_t folders_below_ = 0;
  std::array<Piece, pieces_max> pieces_;
  std::size_t piece_count_ = 0;
  std::array<Piece, path_headers_max> headers_;
  std::size_t header_count_ = 0;
  std::size_t value_bytes_max_ = header_value_bytes_max;
  char shape_[path_pattern_bytes_max * 2] = {};
  std::size_t shape_size_ = 0;
};

// The path with a number in front of the first dot of its last component (0: as it is):
// "/a/2026-11-22.log.zst" and 1 is "/a/2026-11-22-1.log.zst". A leading dot does not count.
void write_numbered(TextWriter& out, std::string_view path, std::uint32_t number);

// "/a/b" of "/a/b/c"; "/" of "/c".
std::string_view folder_of(std::string_view path);

}  // namespace runnel::sinks
