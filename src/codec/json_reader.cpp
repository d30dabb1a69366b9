#include "codec/json_reader.hpp"

#include "base/assert.hpp"
#include "codec/hex.hpp"

namespace runnel::codec {
namespace {

constexpr std::uint32_t replacement = 0xfffd;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What the letter of a two-character escape means, or 0.
constexpr char meant_by(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

// Takes "\uXXXX" off the front, which scanning has found to be well-formed.
std::uint32_t take_unit(std::string_view& rest) {
  std::uint32_t unit = 0;
  for (const char c : rest.substr(2, 4))
    unit = unit << 4 | static_cast<std::uint32_t>(hex_digit(c));
  rest.remove_prefix(6);
  return unit;
}

std::uint32_t take_code_point(std::string_view& rest) {
  const std::uint32_t high = take_unit(rest);
  if (high < 0xd800 || high > 0xdfff) return high;
  if (high > 0xdbff || !rest.starts_with("\\u")) return replacement;
  std::string_view behind = rest;
  const std::uint32_t low = take_unit(behind);
  if (low < 0xdc00 || low > 0xdfff) return replacement;
  rest = behind;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

struct Utf8Text {
  char bytes[4];
  std::uint8_t size;
  std::string_view text() const { return {bytes, size}; }
};

Utf8Text utf8_of(std::uint32_t code) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  const auto tail = [&](std::uint32_t shift) { return byte(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return {{byte(code)}, 1};
  if (code < 0x800) return {{byte(0xc0 | code >> 6), tail(0)}, 2};
  if (code < 0x10000) return {{byte(0xe0 | code >> 12), tail(6), tail(0)}, 3};
  return {{byte(0xf0 | code >> 18), tail(12), tail(6), tail(0)}, 4};
}

// Takes one escape off the front, which scanning has found to be well-formed.
Utf8Text take_escape(std::string_view& rest) {
  if (rest[1] == 'u') return utf8_of(take_code_point(rest));
  const char meant = meant_by(rest[1]);
  rest.remove_prefix(2);
  return {{meant}, 1};
}

}  // namespace

void JsonReader::feed(std::string_view piece, bool last) {
  piece_ = piece;
  raw_ = {};
  at_ = 0;
  last_ = last;
}

JsonReader::Token JsonReader::next() {
  while (skipping_) {
    const Token token = scan();
    if (token >= Token::end) return token;
    skipping_ = depth_ > skip_to_depth_;
  }
  return scan();
}

void JsonReader::skip() {
  skip_to_depth_ = depth_;
  skipping_ = token_ == Token::key;
  if (token_ != Token::begin_object && token_ != Token::begin_array) return;
  --skip_to_depth_;
  skipping_ = true;
}

JsonReader::Token JsonReader::scan() {
  if (token_ == Token::broken || token_ == Token::end) return token_;
  for (;;) {
    skip_space();
    if (at_ == piece_.size()) return at_end_of_piece();
    const char c = piece_[at_];
    switch (expect_) {
      case Expect::value_or_end:
        if (c == ']') return close(false);
        return value();
      case Expect::value:
        return value();
      case Expect::key_or_end:
        if (c == '}') return close(true);
        [[fallthrough]];
      case Expect::key:
        return c == '"' ? string(Token::key) : refuse();
      case Expect::colon:
        if (c != ':') return refuse();
        expect_ = Expect::value;
        break;
      case Expect::comma:
        if (c == '}' || c == ']') return close(c == '}');
        if (c != ',') return refuse();
        expect_ = in_object() ? Expect::key : Expect::value;
        break;
      case Expect::nothing:
        return refuse();
    }
    ++at_;
  }
}

JsonReader::Token JsonReader::value() {
  switch (piece_[at_]) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      return string(Token::string);
    case 't':
      return literal("true", Token::boolean);
    case 'f':
      return literal("false", Token::boolean);
    case 'n':
      return literal("null", Token::null);
    default:
      return number();
  }
}

JsonReader::Token JsonReader::open(bool object) {
  if (depth_ == json_depth_max) return refuse();
  const std::uint64_t bit = std::uint64_t{1} << depth_;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  ++depth_;
  expect_ = object ? Expect::key_or_end : Expect::value_or_end;
  ++at_;
  return token_ = object ? Token::begin_object : Token::begin_array;
}

JsonReader::Token JsonReader::close(bool object) {
  if (object != in_object()) return refuse();
  RUNNEL_ASSERT(depth_ > 0);
  --depth_;
  ++at_;
  value_ended();
  return token_ = object ? Token::end_object : Token::end_array;
}

JsonReader::Token JsonReader::string(Token kind) {
  bool escaped = false;
  for (std::size_t index = at_ + 1; index < piece_.size(); ++index) {
    const char c = piece_[index];
    if (c == '"') {
      raw_ = piece_.substr(at_ + 1, index - at_ - 1);
      escaped_ = escaped;
      at_ = index + 1;
      if (kind == Token::key) {
        expect_ = Expect::colon;
      } else {
        value_ended();
      }
      return token_ = kind;
    }
    if (static_cast<unsigned char>(c) < 0x20) return refuse();
    if (c != '\\') continue;
    escaped = true;
    if (++index == piece_.size()) break;
    if (piece_[index] != 'u') {
      if (meant_by(piece_[index]) == 0) return refuse();
      continue;
    }
    for (int digits = 0; digits < 4 && ++index < piece_.size(); ++digits)
      if (hex_digit(piece_[index]) < 0) return refuse();
  }
  return last_ ? refuse() : token_ = Token::need_more;
}

// RFC 8259 section 6. Whatever comes behind a number shows where it ends.
JsonReader::Token JsonReader::number() {
  std::size_t index = at_;
  const auto peek = [&] { return index < piece_.size() ? piece_[index] : '\0'; };
  const auto digits = [&] {
    const std::size_t from = index;
    while (is_digit(peek())) ++index;
    return index > from;
  };
  if (peek() == '-') ++index;
  const bool zero = peek() == '0';
  bool valid = true;
  if (zero) {
    ++index;
  } else {
    valid = digits();
  }
  if (valid && peek() == '.') {
    ++index;
    valid = digits();
  }
  if (valid && (peek() == 'e' || peek() == 'E')) {
    ++index;
    if (peek() == '+' || peek() == '-') ++index;
    valid = digits();
  }
  if (index == piece_.size() && !last_) return token_ = Token::need_more;
  if (!valid) return refuse();
  return complete(Token::number, index - at_);
}

JsonReader::Token JsonReader::literal(std::string_view word, Token kind) {
  const std::string_view there = piece_.substr(at_, word.size());
  if (!word.starts_with(there)) return refuse();
  if (there.size() < word.size()) return last_ ? refuse() : token_ = Token::need_more;
  boolean_ = word.front() == 't';
  return complete(kind, word.size());
}

JsonReader::Token JsonReader::complete(Token kind, std::size_t size) {
  raw_ = piece_.substr(at_, size);
  escaped_ = false;
  at_ += size;
  value_ended();
  return token_ = kind;
}

JsonReader::Token JsonReader::at_end_of_piece() {
  if (!last_) return token_ = Token::need_more;
  return expect_ == Expect::nothing ? token_ = Token::end : refuse();
}

JsonReader::Token JsonReader::refuse() {
  raw_ = {};
  return token_ = Token::broken;
}

void JsonReader::skip_space() {
  while (at_ < piece_.size() && is_space(piece_[at_])) ++at_;
}

bool JsonReader::is(std::string_view text) const {
  if (!escaped_) return raw_ == text;
  std::string_view rest = raw_;
  while (!rest.empty()) {
    Utf8Text character{{rest.front()}, 1};
    if (rest.front() == '\\') {
      character = take_escape(rest);
    } else {
      rest.remove_prefix(1);
    }
    if (!text.starts_with(character.text())) return false;
    text.remove_prefix(character.size);
  }
  return text.empty();
}

void JsonReader::write_text(TextWriter& out) const {
  if (!escaped_) {
    out << raw_;
    return;
  }
  for (std::string_view rest = raw_; !rest.empty() && !out.cut();) {
    const std::size_t plain = rest.substr(0, rest.find('\\')).size();
    out << rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (!rest.empty()) out << take_escape(rest).text();
  }
}

}  // namespace runnel::codec
