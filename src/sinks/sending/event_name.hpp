// A name that is made of each event, where a destination sorts events by names: the topic of mqtt,
// the subject of nats, the tag of forward, the fields of syslog. Literal text, and %{NAME} for what
// an event says: `source` (the name it has in the configuration), `severity`, or a header. Plain
// data: nothing is allocated after parsing.
//
// What comes from headers is hostile: each protocol says what may stand in a value, the rest
// becomes underscores, and what a value is that is missing or empty: mostly "unknown".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "pipeline/record.hpp"

namespace runnel::sinks {

class EventName {
 public:
  static constexpr std::size_t values_max = 4;

  bool is_constant() const { return value_count_ == 0; }
  // False: it says the same of all events with the same source and severity.
  bool reads_headers() const { return reads_headers_; }
  // The longest name that this one can give.
  std::size_t bytes_max() const { return literal_bytes_ + value_count_ * rules_->value_bytes_max; }
  // Never cut when `out` is empty and has bytes_max() of room. `source`: the name of the record's.
  void write(const pipeline::Record& record, std::string_view source, TextWriter& out) const;
  // The same text for every value, as it is.
  void write_with(std::string_view value, TextWriter& out) const;

 protected:
  struct Rules {
    std::size_t pattern_bytes_max;  // at most pattern_bytes_most
    std::size_t value_bytes_max;    // of each, as it is written
    bool percent_escapes;           // %% is a %
    std::string_view example;       // of a pattern, for who wrote none
    // Writes 1 to value_bytes_max bytes. `raw` is not empty, of any length, with anything in it.
    void (*write_value)(std::string_view raw, TextWriter& out);
    // Stands for a value that is missing or empty. Empty: nothing does.
    std::string_view missing = "unknown";
  };
  static constexpr std::size_t pattern_bytes_most = 256;

  // `rules` live for ever.
  explicit EventName(const Rules& rules) : rules_(&rules) {}
  // Once. What is wrong with the pattern, for a person; empty: nothing.
  std::string parse(std::string_view pattern);

 private:
  enum class Kind : std::uint8_t { literal, source, severity, header };
  struct Piece {
    Kind kind = Kind::literal;
    std::uint16_t begin = 0, size = 0;  // in pattern_; of a header: its name
  };
  static constexpr std::size_t pieces_max = 24;
  static constexpr std::size_t header_bytes_max = 64;  // of its name

  std::string_view text_of(const Piece& piece) const {
    return {pattern_ + piece.begin, piece.size};
  }
  std::string_view value_of(const Piece& piece, const pipeline::Record& record,
                            std::string_view source) const;
  std::string add(Kind kind, std::size_t begin, std::size_t size);
  std::string add_percent(std::size_t& at);

  const Rules* rules_;
  char pattern_[pattern_bytes_most] = {};
  std::size_t pattern_size_ = 0;
  std::array<Piece, pieces_max> pieces_;
  std::size_t piece_count_ = 0;
  std::size_t value_count_ = 0;
  bool reads_headers_ = false;
  std::size_t literal_bytes_ = 0;
};

}  // namespace runnel::sinks
