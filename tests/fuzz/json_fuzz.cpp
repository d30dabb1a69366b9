// What the writer of JSON writes is JSON in UTF-8 and says what was meant, by the word of a reader
// that shares no code with it; a buffer of any size loses the last object only, never a part of
// one.
#include <optional>

#include "codec/json.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;

namespace {

// --- a second opinion: a strict reader of one line (RFC 8259) ---------------------------------

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out += static_cast<char>((0xFF00u >> (more + 1) & 0xFF) | code >> (6 * more));
  for (int left = more - 1; left >= 0; --left)
    out += static_cast<char>(0x80 | (code >> (6 * left) & 0x3F));
}

// Decodes bit by bit and looks at the value: another way than the table of the code under test.
// Nothing: no character begins here; `size` is then that of the part that could have become one.
std::optional<std::uint32_t> decode(std::string_view text, std::size_t& size) {
  const auto at = [&](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
  size = 1;
  if (at(0) < 0x80) return at(0);
  const std::size_t wanted = at(0) >= 0xF0 ? 4 : at(0) >= 0xE0 ? 3 : 2;
  if (at(0) < 0xC2 || at(0) > 0xF4) return std::nullopt;
  std::uint32_t code = at(0) & (0x7Fu >> wanted);
  while (size < wanted) {
    if (size >= text.size() || (at(size) & 0xC0) != 0x80) return std::nullopt;
    code = code << 6 | (at(size) & 0x3Fu);
    if (size == 1) {  // what can no longer become a character ends before its second byte
      const std::size_t left = 6 * (wanted - 2);
      const std::uint32_t low = code << left, high = low | ((1u << left) - 1);
      const bool overlong = high < (wanted == 2 ? 0x80u : wanted == 3 ? 0x800u : 0x10000u);
      const bool surrogates = low >= 0xD800 && high <= 0xDFFF;
      if (overlong || surrogates || low > 0x10FFFF) return std::nullopt;
    }
    ++size;
  }
  return code;
}

// What a string becomes: each part that is no character is one U+FFFD.
std::string repaired(std::string_view text, std::uint64_t& replaced) {
  std::string out;
  for (std::size_t size = 0; !text.empty(); text.remove_prefix(size)) {
    const auto code = decode(text, size);
    append_utf8(out, code.value_or(0xFFFD));
    if (!code) ++replaced;
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) { FUZZ_CHECK(take(wanted)); }
  void expect(std::string_view wanted) {
    FUZZ_CHECK(rest_.starts_with(wanted));
    rest_.remove_prefix(wanted.size());
  }
  std::string string() {
    std::string out;
    expect('"');
    while (!take('"')) {
      FUZZ_CHECK(!rest_.empty());
      if (take('\\')) {
        out += escaped();
        continue;
      }
      std::size_t size = 0;
      const auto code = decode(rest_, size);
      FUZZ_CHECK(code && *code >= 0x20);
      out += rest_.substr(0, size);
      rest_.remove_prefix(size);
    }
    return out;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string escaped() {
    FUZZ_CHECK(!rest_.empty());
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    if (const auto found = letters.find(letter); found != std::string_view::npos)
      return std::string(1, meant[found]);
    FUZZ_CHECK(letter == 'u' && rest_.size() >= 4);
    std::string out;
    append_utf8(
        out, static_cast<std::uint32_t>(std::stoul(std::string(rest_.substr(0, 4)), nullptr, 16)));
    rest_.remove_prefix(4);
    return out;
  }
  std::string_view rest_;
};

// --- what is written ----------------------------------------------------------------------------

// A line: {"<text>":"<text>","n":<number>,"list":[true,null,"<text>"]}
struct Line {
  fuzz::Exact key, value, item;
  std::int64_t number;
};

void write(codec::JsonWriter& json, const Line& line) {
  json.begin_object();
  json.key(line.key.text());
  json.string(line.value.bytes());
  json.key("n");
  json.number(line.number);
  json.key("list");
  json.begin_array();
  json.boolean(line.number % 2 == 0);
  json.null();
  json.string(line.item.text());
  json.end_array();
  json.end_object();
  json.newline();
}

std::uint64_t check(std::string_view text, const std::vector<Line>& lines) {
  Reader reader(text);
  std::uint64_t replaced = 0;
  for (const Line& line : lines) {
    reader.expect('{');
    FUZZ_CHECK(reader.string() == repaired(line.key.text(), replaced));
    reader.expect(':');
    FUZZ_CHECK(reader.string() == repaired(line.value.text(), replaced));
    reader.expect(",\"n\":");
    reader.expect(std::to_string(line.number));
    reader.expect(",\"list\":[");
    reader.expect(line.number % 2 == 0 ? "true,null," : "false,null,");
    FUZZ_CHECK(reader.string() == repaired(line.item.text(), replaced));
    reader.expect("]}\n");
  }
  FUZZ_CHECK(reader.at_end());
  return replaced;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t short_room = input.word() % 1024u;
  std::vector<Line> lines;
  std::size_t bytes_max = 0;
  while (!input.empty() && lines.size() < 16) {
    const std::int64_t number = static_cast<std::int16_t>(input.word()) * INT64_C(0x1'0001'0001);
    Line line{fuzz::Exact(input.take(input.byte())), fuzz::Exact(input.take(input.byte())),
              fuzz::Exact(input.take(input.byte())), number};
    for (const std::string_view text : {line.key.text(), line.value.text(), line.item.text()})
      bytes_max += codec::json_string_bytes_max(text.size());
    bytes_max += 64;
    lines.push_back(std::move(line));
  }
  std::vector<std::byte> room(bytes_max);
  codec::JsonWriter all(room);
  for (const Line& line : lines) write(all, line);
  FUZZ_CHECK(!all.overflowed());
  FUZZ_CHECK(check(as_text(all.bytes()), lines) == all.replaced());

  std::vector<std::byte> little(short_room);
  codec::JsonWriter some(little);
  std::size_t fitted = 0;
  for (const Line& line : lines) {
    const auto mark = some.mark();
    write(some, line);
    if (some.overflowed()) {
      some.rewind(mark);
      break;
    }
    ++fitted;
  }
  FUZZ_CHECK(!some.overflowed() && as_text(all.bytes()).starts_with(as_text(some.bytes())));
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(fitted), lines.end());
  FUZZ_CHECK(check(as_text(some.bytes()), lines) == some.replaced());
  return 0;
}
