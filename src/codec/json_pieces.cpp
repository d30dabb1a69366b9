#include "codec/json_pieces.hpp"

#include <cstring>

namespace runnel::codec {

// Follows strings and their escapes: what is too much of one is passed over, never half an escape.
bool JsonPieces::keeps(char c) {
  if (!in_string_) {
    in_string_ = c == '"';
    string_bytes_ = 0;
    return true;
  }
  if (unit_left_ > 0) {
    --unit_left_;
    return unit_kept_;
  }
  if (escape_) {
    escape_ = false;
    if (c == 'u') unit_left_ = 4;
    return unit_kept_;
  }
  if (c == '"') {
    in_string_ = false;
    return true;
  }
  constexpr std::size_t escape_bytes_max = 6;
  unit_kept_ = string_bytes_ + escape_bytes_max <= string_bytes_max;
  escape_ = c == '\\';
  if (unit_kept_) string_bytes_ += escape_ ? escape_bytes_max : 1;
  return unit_kept_;
}

void JsonPieces::drop_consumed() {
  const std::size_t consumed = reader_.consumed();
  std::memmove(buffer_, buffer_ + consumed, size_ - consumed);
  size_ -= consumed;
}

std::size_t JsonPieces::fill(Bytes piece) {
  drop_consumed();
  // A token that fills the buffer is none of a text that anybody wants to read.
  if (size_ == sizeof(buffer_)) broken_ = true;
  std::size_t taken = 0;
  if (broken_) {
    reader_ = JsonReader();
    size_ = 0;
    return piece.size();
  }
  for (; taken < piece.size() && size_ < sizeof(buffer_); ++taken) {
    const char c = static_cast<char>(piece[taken]);
    if (keeps(c)) buffer_[size_++] = c;
  }
  reader_.feed({buffer_, size_}, false);
  return taken;
}

void JsonPieces::end() {
  drop_consumed();
  reader_.feed({buffer_, size_}, true);
}

bool JsonPieces::next() {
  if (broken_) return false;
  token_ = reader_.next();
  broken_ = token_ == JsonReader::Token::broken;
  return !broken_ && token_ != JsonReader::Token::need_more && token_ != JsonReader::Token::end;
}

}  // namespace runnel::codec
