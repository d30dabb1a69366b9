// The topic of the mqtt sink: literal text, and %{NAME} for what an event says: `source` (the name
// it has in the configuration), `severity`, or a header; %% is a %. Plain data: nothing is
// allocated after parsing.
//
// What comes from headers is hostile. A rendered value has 1 to `value_bytes_max` bytes, no slash,
// no wildcard, nothing that a topic must not have and no $ at the start of the topic, so that
// topics keep their depth and nobody publishes where the broker speaks of itself. What a value
// must not have becomes an underscore; a header that is missing or empty is "unknown".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "pipeline/record.hpp"

namespace runnel::sinks {

class TopicTemplate {
 public:
  static constexpr std::size_t pattern_bytes_max = 256;
  static constexpr std::size_t values_max = 4;
  static constexpr std::size_t value_bytes_max = 128;
  static constexpr std::size_t topic_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<TopicTemplate, std::string> parse(std::string_view pattern);

  // The longest topic that this one can give; at most topic_bytes_max.
  std::size_t bytes_max() const { return literal_bytes_ + value_count_ * value_bytes_max; }
  bool is_constant() const { return value_count_ == 0; }
  // Has a valid topic written; never cut when `out` has bytes_max() of room. `source` is the name
  // of the record's source.
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
