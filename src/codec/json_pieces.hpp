// A JsonReader over a text that comes in pieces of any size, in a small fixed buffer: for answers
// of which only a few words count. Strings are cut after string_bytes_max; any other token that
// does not fit makes the text broken, as it would be if it were none.
//   pieces.begin();
//   while (!piece.empty()) {
//     piece = piece.subspan(pieces.fill(piece));
//     while (pieces.next()) ...pieces.token(), pieces.reader()...
//   }
//   pieces.end(); while (pieces.next()) ...
#pragma once

#include "codec/json_reader.hpp"

namespace runnel::codec {

class JsonPieces {
 public:
  static constexpr std::size_t string_bytes_max = 512;

  void begin() { *this = JsonPieces(); }
  // Takes what fits, at least one byte of a piece that is not empty, and returns how many.
  std::size_t fill(Bytes piece);
  // The text ends here.
  void end();
  // Goes to the next token. False: more must come, or nothing more comes (`whole`, `broken`).
  bool next();
  JsonReader::Token token() const { return token_; }
  const JsonReader& reader() const { return reader_; }
  bool whole() const { return token_ == JsonReader::Token::end; }
  bool broken() const { return broken_; }

 private:
  void drop_consumed();
  bool keeps(char c);

  JsonReader reader_;
  JsonReader::Token token_ = JsonReader::Token::need_more;
  std::size_t size_ = 0;
  std::size_t string_bytes_ = 0;
  bool in_string_ = false, escape_ = false, broken_ = false;
  std::uint8_t unit_left_ = 0;  // digits of a \uXXXX that are to come
  bool unit_kept_ = false;
  char buffer_[2 * string_bytes_max];
};

}  // namespace runnel::codec
