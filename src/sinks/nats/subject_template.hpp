// The subject of the nats sink: literal text, and %{NAME} for what an event says: `source` (the
// name it has in the configuration), `severity`, or a header; %% is a %. Plain data: nothing is
// allocated after parsing.
//
// What comes from headers is hostile, and a subject is an address. A rendered value has 1 to
// `value_bytes_max` printable ASCII characters, no dot, no wildcard and no $: it is always one
// token, and never one that the server means itself by. What a value must not have becomes an
// underscore; one that is missing or empty is "unknown".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "pipeline/record.hpp"

namespace runnel::sinks {

class SubjectTemplate {
 public:
  static constexpr std::size_t pattern_bytes_max = 256;
  static constexpr std::size_t values_max = 4;
  static constexpr std::size_t value_bytes_max = 128;
  static constexpr std::size_t subject_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<SubjectTemplate, std::string> parse(std::string_view pattern);

  // The longest subject that this one can give; at most subject_bytes_max.
  std::size_t bytes_max() const { return literal_bytes_ + value_count_ * value_bytes_max; }
  // Has a valid subject written; never cut when `out` is empty and has bytes_max() of room.
  // `source` is the name of the record's source.
  void write(const pipeline::Record& record, std::string_view source, TextWriter& out) const;

 private:
  enum class Kind : std::uint8_t { literal, source, severity, header };
  struct Piece {
    Kind kind = Kind::literal;
    std::uint16_t begin = 0, size = 0;  // in pattern_; of a header: its name
  };
  static constexpr std::size_t pieces_max = 24;

  std::string_view text_of(const Piece& piece) const {
    return {pattern_ + piece.begin, piece.size};
  }
  // What the template gives, with the same text for every value.
  void write_sample(std::string_view value, TextWriter& out) const;
  std::string add(Kind kind, std::size_t begin, std::size_t size);
  std::string add_percent(std::size_t& at);

  char pattern_[pattern_bytes_max] = {};
  std::size_t pattern_size_ = 0;
  std::array<Piece, pieces_max> pieces_;
  std::size_t piece_count_ = 0;
  std::size_t value_count_ = 0;
  std::size_t literal_bytes_ = 0;
};

}  // namespace runnel::sinks
