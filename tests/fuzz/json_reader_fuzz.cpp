// The reader agrees with a plain recursive one on what JSON is and what it says; it gives the same
// in one piece and in pieces; what is passed over leaves the rest as it is; views lie inside the
// piece, and resolved escapes never take more room than they had.
#include "codec/json_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using codec::JsonReader;
using Token = JsonReader::Token;

namespace {

// --- a second opinion: without pieces, recursively, into a string of tokens ----------------------

class Plain {
 public:
  explicit Plain(std::string_view text) : rest_(text) {}
  // The tokens before the first mistake, and "end" or "broken".
  std::string read() {
    const bool good = value(0) && (space(), rest_.empty());
    return tokens_ + (good ? "end" : "broken");
  }

 private:
  void space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }
  bool take(char wanted) {
    space();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    tokens_ += wanted.front();
    return true;
  }
  bool value(std::uint32_t depth) {
    space();
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
        return depth < codec::json_depth_max && members(depth + 1);
      case '[':
        return depth < codec::json_depth_max && items(depth + 1);
      case '"':
        return string('s');
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool members(std::uint32_t depth) {
    tokens_ += '{';
    take('{');
    if (!take('}')) {
      do {
        space();
        if (!rest_.starts_with('"') || !string('k') || !take(':') || !value(depth)) return false;
      } while (take(','));
      if (!take('}')) return false;
    }
    tokens_ += '}';
    return true;
  }
  bool items(std::uint32_t depth) {
    tokens_ += '[';
    take('[');
    if (!take(']')) {
      do {
        if (!value(depth)) return false;
      } while (take(','));
      if (!take(']')) return false;
    }
    tokens_ += ']';
    return true;
  }
  bool string(char kind) {
    std::string_view all = rest_;
    for (std::size_t index = 1; index < all.size(); ++index) {
      if (all[index] == '"') {
        tokens_ += kind + std::string(all.substr(1, index - 1)) + '"';
        rest_.remove_prefix(index + 1);
        return true;
      }
      if (static_cast<unsigned char>(all[index]) < ' ') return false;
      if (all[index] != '\\') continue;
      if (++index == all.size() ||
          std::string_view("\"\\/bfnrtu").find(all[index]) == std::string_view::npos)
        return false;
      if (all[index] != 'u') continue;
      if (all.size() - index < 5 ||
          all.substr(index + 1, 4).find_first_not_of("0123456789abcdefABCDEF") !=
              std::string_view::npos)
        return false;
      index += 4;
    }
    return false;
  }
  std::size_t digits(std::size_t from) const {
    return std::min(rest_.find_first_not_of("0123456789", from), rest_.size()) - from;
  }
  bool number() {
    const auto at = [&](std::size_t index) { return index < rest_.size() ? rest_[index] : ' '; };
    std::size_t size = at(0) == '-' ? 1 : 0;
    const std::size_t whole = at(size) == '0' ? 1 : digits(size);
    if (whole == 0) return false;
    size += whole;
    if (at(size) == '.') {
      const std::size_t fraction = digits(size + 1);
      if (fraction == 0) return false;
      size += 1 + fraction;
    }
    if (at(size) == 'e' || at(size) == 'E') {
      ++size;
      if (at(size) == '-' || at(size) == '+') ++size;
      if (digits(size) == 0) return false;
      size += digits(size);
    }
    tokens_ += '#' + std::string(rest_.substr(0, size)) + ' ';
    rest_.remove_prefix(size);
    return true;
  }
  std::string_view rest_;
  std::string tokens_;
};

// --- what the reader says ------------------------------------------------------------------------

void check_text(const JsonReader& reader) {
  std::string room(reader.raw().size(), '\0');
  TextWriter out{std::span<char>(room)};
  reader.write_text(out);
  FUZZ_CHECK(!out.cut());
  FUZZ_CHECK(reader.is(out.text()));
  FUZZ_CHECK(reader.escaped() || out.text() == reader.raw());
  if (!out.text().empty()) FUZZ_CHECK(!reader.is(out.text().substr(1)));
  std::string little(reader.raw().size() / 2, '\0');
  TextWriter cut{std::span<char>(little)};
  reader.write_text(cut);
  FUZZ_CHECK(out.text().starts_with(cut.text()));
}

std::string word_of(const JsonReader& reader, Token token) {
  switch (token) {
    case Token::begin_object:
      return "{";
    case Token::end_object:
      return "}";
    case Token::begin_array:
      return "[";
    case Token::end_array:
      return "]";
    case Token::key:
      check_text(reader);
      return "k" + std::string(reader.raw()) + '"';
    case Token::string:
      check_text(reader);
      return "s" + std::string(reader.raw()) + '"';
    case Token::number:
      return '#' + std::string(reader.raw()) + ' ';
    case Token::boolean:
      return reader.boolean() ? "t" : "f";
    case Token::null:
      return "n";
    case Token::end:
      return "end";
    default:
      return "broken";
  }
}

// Pieces of `piece_bytes` more than are left of the one before; what the tokens in `skipped` (by
// their number, modulo 8) opened is passed over.
std::string read(std::string_view text, std::size_t piece_bytes, std::uint8_t skipped) {
  JsonReader reader;
  std::string words;
  std::size_t begin = 0, end = 0, count = 0;
  for (;;) {
    end = std::min(text.size(), end + piece_bytes);
    const fuzz::Exact piece(text.substr(begin, end - begin));
    reader.feed(piece.text(), end == text.size());
    for (Token token = reader.next(); token != Token::need_more; token = reader.next()) {
      FUZZ_CHECK(reader.consumed() <= piece.text().size());
      FUZZ_CHECK(piece.holds(reader.raw()) && reader.depth() <= codec::json_depth_max);
      words += word_of(reader, token);
      if (token == Token::end || token == Token::broken) {
        FUZZ_CHECK(reader.next() == token);
        return words;
      }
      if ((skipped >> (count++ % 8) & 1) != 0) reader.skip();
    }
    FUZZ_CHECK(end < text.size());
    begin += reader.consumed();
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t skipped = input.byte();
  const std::size_t piece_bytes = input.byte() + 1u;
  const std::string_view text = input.rest();
  const std::string whole = read(text, text.size() + 1, 0);
  FUZZ_CHECK(whole == Plain(text).read());
  FUZZ_CHECK(whole == read(text, piece_bytes, 0));
  FUZZ_CHECK(whole == read(text, 1, 0));
  const std::string rest = read(text, text.size() + 1, skipped);
  FUZZ_CHECK(rest == read(text, piece_bytes, skipped));
  FUZZ_CHECK(rest.ends_with("end") == whole.ends_with("end"));
  FUZZ_CHECK(rest.size() <= whole.size());
  return 0;
}
