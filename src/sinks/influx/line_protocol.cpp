#include "sinks/influx/line_protocol.hpp"

#include "codec/utf8.hpp"

namespace runnel::sinks {
namespace {

bool needs_backslash(LinePosition position, char c) {
  switch (position) {
    case LinePosition::measurement:
      return c == ',' || c == ' ';
    case LinePosition::tag:
      return c == ',' || c == ' ' || c == '=';
    case LinePosition::string_field:
      return c == '"' || c == '\\';
  }
  return false;
}

}  // namespace

std::uint64_t write_escaped(TextWriter& out, LinePosition position, Bytes text) {
  std::uint64_t replaced = 0;
  char last = 0;
  while (!text.empty()) {
    const auto byte = std::to_integer<std::uint8_t>(text[0]);
    std::size_t size = 1;
    last = static_cast<char>(byte);
    if (byte >= 0x80) {
      const codec::Utf8Sequence sequence = codec::utf8_sequence(text);
      size = sequence.size;
      if (!sequence.valid) ++replaced;
      out << (sequence.valid ? as_text(text.first(size)) : std::string_view("\xef\xbf\xbd"));
    } else {
      if (position != LinePosition::string_field && byte < ' ') last = ' ';
      if (needs_backslash(position, last)) out << '\\';
      out << last;
    }
    text = text.subspan(size);
  }
  if (position != LinePosition::string_field && last == '\\') out << "\\ ";
  return replaced;
}

}  // namespace runnel::sinks
