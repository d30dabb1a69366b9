// The tag of the forward sink: literal text, and %{NAME} for what an event says: `source` (the name
// it has in the configuration), `severity`, or a header. Plain data: nothing is
// allocated after parsing.
//
// What comes from headers is hostile, and servers route by tags. A rendered value has 1 to
// `value_bytes_max` letters, digits, '-', '_', ':' or '/'; whatever else it has becomes an
// underscore, so that a tag keeps its number of parts. One that is missing or empty is "unknown".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "pipeline/record.hpp"

namespace runnel::sinks {

class TagTemplate {
 public:
  static constexpr std::size_t pattern_bytes_max = 128;
  static constexpr std::size_t values_max = 4;
  static constexpr std::size_t value_bytes_max = 64;
  static constexpr std::size_t tag_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<TagTemplate, std::string> parse(std::string_view pattern);

  bool is_constant() const { return value_count_ == 0; }
  // The longest tag that this one can give; at most tag_bytes_max.
  std::size_t bytes_max() const { return pattern_size_ + value_count_ * value_bytes_max; }
  // Never cut when `out` has bytes_max() of room. `source` is the name of the record's source.
  void write(const pipeline::Record& record, std::string_view source, TextWriter& out) const;
  // Of a constant one.
  void write(TextWriter& out) const;

 private:
  enum class Kind : std::uint8_t { literal, source, severity, header };
  struct Piece {
    Kind kind = Kind::literal;
    std::uint8_t begin = 0, size = 0;  // in pattern_; of a header: its name
  };
  static constexpr std::size_t pieces_max = 16;

  std::string_view text_of(const Piece& piece) const {
    return {pattern_ + piece.begin, piece.size};
  }
  std::string add(Kind kind, std::size_t begin, std::size_t size);
  std::string add_percent(std::size_t& at);

  char pattern_[pattern_bytes_max] = {};
  std::size_t pattern_size_ = 0;
  std::array<Piece, pieces_max> pieces_;
  std::size_t piece_count_ = 0;
  std::size_t value_count_ = 0;
};

}  // namespace runnel::sinks
