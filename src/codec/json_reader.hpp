// Reads JSON (RFC 8259) token by token out of the buffer it arrives in: nothing is allocated or
// copied, what a token says is a view into that buffer. A text may come in pieces, of which the
// buffer has to hold one token at a time:
//   for (;;) {
//     const auto token = reader.next();
//     if (token == JsonReader::Token::need_more) {
//       ...drop the first reader.consumed() bytes of the buffer, read more behind the rest; a
//       buffer that is full and has nothing consumed holds a token that is too long...
//       reader.feed(buffer, last);
//     }
//   }
// Strict about the grammar, except that bytes of strings which are not UTF-8 pass as they are.
// Bounds: a nesting of json_depth_max; the work is linear in the piece.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::codec {

inline constexpr std::uint32_t json_depth_max = 64;

class JsonReader {
 public:
  enum class Token : std::uint8_t {
    begin_object,
    end_object,
    begin_array,
    end_array,
    key,        // text: raw(), is(), write_text(); its value is the next token
    string,     // the same
    number,     // raw() as it is written, unsigned_number()
    boolean,    // boolean()
    null,       //
    end,        // the text was one whole value; said again at every further call
    need_more,  // the piece ends inside a token or before one: feed() the next
    broken,     // not JSON, or nested too deep; said again at every further call
  };

  JsonReader() = default;
  explicit JsonReader(std::string_view whole) { feed(whole, true); }

  // `piece` starts at the first byte that is not consumed and lives until the next feed; with
  // `last` nothing comes behind it. Views of the token before are void.
  void feed(std::string_view piece, bool last);
  Token next();
  // What the last token opened is passed over: the value of a key; the rest of an object or array
  // up to its end, which is not handed out. Of any other token there is nothing to pass over.
  void skip();

  // Bytes of the piece that are done with.
  std::size_t consumed() const { return at_; }
  std::uint32_t depth() const { return depth_; }  // objects and arrays that are open

  // Of the last key or string without its quotes, escapes as they are written; of a number.
  std::string_view raw() const { return raw_; }
  bool escaped() const { return escaped_; }  // raw() holds escapes
  // Says the key or string exactly this, once its escapes are resolved?
  bool is(std::string_view text) const;
  // The key or string with its escapes resolved, never more bytes than raw(); `out` says when it
  // was cut. A surrogate without its other half becomes U+FFFD.
  void write_text(TextWriter& out) const;
  bool boolean() const { return boolean_; }
  // `malformed` when it has a sign, a fraction or an exponent, `too_large` from 2^64 on.
  Result<std::uint64_t> unsigned_number() const { return parse_number(raw_); }

 private:
  enum class Expect : std::uint8_t { value, value_or_end, key, key_or_end, colon, comma, nothing };

  Token scan();
  Token value();
  Token string(Token kind);
  Token number();
  Token literal(std::string_view word, Token kind);
  Token open(bool object);
  Token close(bool object);
  Token at_end_of_piece();
  Token refuse();
  Token complete(Token kind, std::size_t size);
  void skip_space();
  bool in_object() const { return depth_ > 0 && (objects_ >> (depth_ - 1) & 1) != 0; }
  void value_ended() { expect_ = depth_ == 0 ? Expect::nothing : Expect::comma; }

  std::string_view piece_;
  std::string_view raw_;
  std::size_t at_ = 0;
  std::uint64_t objects_ = 0;  // one bit a level: an object, not an array
  std::uint32_t depth_ = 0;
  std::uint32_t skip_to_depth_ = 0;
  Expect expect_ = Expect::value;
  Token token_ = Token::need_more;
  bool skipping_ = false;
  bool last_ = false;
  bool escaped_ = false;
  bool boolean_ = false;
};

}  // namespace runnel::codec
