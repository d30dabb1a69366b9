#include "sources/tail/positions.hpp"

#include <array>
#include <optional>

#include "base/crc32c.hpp"
#include "sources/tail/glob.hpp"

namespace runnel::sources::tail {
namespace {

constexpr std::string_view title = "runnel tail checkpoint ";
constexpr std::uint64_t version = 1;
constexpr char digits[] = "0123456789abcdef";

bool wants_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7F || c == '%';
}

std::optional<unsigned> hex_value(char c) {
  const auto at = std::string_view(digits).find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(at);
}

// A line without its newline; nothing when the text ends before one does.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> take_number(std::string_view& line, std::uint64_t maximum) {
  const auto space = line.find(' ');
  const auto number = parse_number(line.substr(0, space));
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  if (!number || *number > maximum) return std::nullopt;
  return *number;
}

using PathStorage = std::array<char, path_bytes_max>;

std::optional<std::string_view> unescape(std::string_view from, PathStorage& into) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < from.size(); ++at, ++size) {
    if (size == into.size()) return std::nullopt;
    into[size] = from[at];
    if (from[at] != '%') continue;
    if (from.size() - at < 3) return std::nullopt;
    const auto high = hex_value(from[at + 1]), low = hex_value(from[at + 2]);
    if (!high || !low) return std::nullopt;
    into[size] = static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return std::string_view(into.data(), size);
}

std::optional<SavedPosition> parse_position(std::string_view line, PathStorage& storage) {
  const auto device = take_number(line, UINT64_MAX);
  const auto inode = take_number(line, UINT64_MAX);
  const auto bytes = take_number(line, Fingerprint::bytes_max);
  const auto crc = take_number(line, UINT32_MAX);
  const auto offset = take_number(line, UINT64_MAX);
  const auto path = unescape(line, storage);
  if (!device || !inode || !bytes || !crc || !offset || !path || !path->starts_with('/'))
    return std::nullopt;
  return SavedPosition{
      *device, *inode,
      Fingerprint{static_cast<std::uint16_t>(*bytes), static_cast<std::uint32_t>(*crc)}, *offset,
      *path};
}

// The lines between the first and the last, when the last one vouches for them.
std::optional<std::string_view> vouched_for(std::string_view text) {
  if (!text.ends_with('\n')) return std::nullopt;
  const auto before = text.rfind('\n', text.size() - 2);
  if (before == std::string_view::npos) return std::nullopt;
  std::string_view last = text.substr(before + 1, text.size() - before - 2);
  if (!last.starts_with("end ")) return std::nullopt;
  last.remove_prefix(4);
  const std::string_view body = text.substr(0, before + 1);
  const auto count = take_number(last, UINT32_MAX);
  const auto crc = take_number(last, UINT32_MAX);
  if (!count || !crc || !last.empty() || *crc != crc32c(as_bytes(body))) return std::nullopt;
  std::size_t lines = 0;
  for (const char c : body) lines += c == '\n' ? 1 : 0;
  if (lines != *count + 1) return std::nullopt;
  return body.substr(body.find('\n') + 1);
}

}  // namespace

void write_first_line(TextWriter& out) { out << title << version << '\n'; }

void write_position(TextWriter& out, const SavedPosition& position) {
  out << position.device << ' ' << position.inode << ' ' << position.fingerprint.bytes << ' '
      << position.fingerprint.crc << ' ' << position.offset << ' ';
  for (const char c : position.path) {
    if (!wants_escape(c)) {
      out << c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out << '%' << digits[byte / 16] << digits[byte % 16];
  }
  out << '\n';
}

void write_last_line(TextWriter& out, std::size_t positions, std::uint32_t crc_before) {
  out << "end " << positions << ' ' << crc_before << '\n';
}

PositionsRead read_positions(std::string_view text, FunctionRef<bool(const SavedPosition&)> each) {
  std::string_view first = text.substr(0, text.find('\n'));
  if (!first.starts_with(title)) return PositionsRead::damaged;
  first.remove_prefix(title.size());
  const auto found = parse_number(first);
  if (!found) return PositionsRead::damaged;
  // Before the checksum: a later version may have none, or another one.
  if (*found != version) return PositionsRead::unknown_version;
  const auto body = vouched_for(text);
  if (!body) return PositionsRead::damaged;
  PathStorage storage;
  std::string_view rest = *body;
  while (const auto line = take_line(rest))
    if (!parse_position(*line, storage)) return PositionsRead::damaged;
  rest = *body;
  while (const auto line = take_line(rest))
    if (!each(*parse_position(*line, storage))) return PositionsRead::refused;
  return PositionsRead::whole;
}

}  // namespace runnel::sources::tail
