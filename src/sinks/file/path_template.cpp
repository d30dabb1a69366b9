#include "sinks/file/path_template.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "codec/civil.hpp"

namespace runnel::sinks {
namespace {

constexpr std::size_t component_bytes_max = 255;
// A number "-99999" and the longest ending come on top of a rendered last component.
constexpr std::size_t ending_bytes_max = 6 + broken_ending.size();
constexpr std::size_t value_bytes_least = 16;
constexpr std::size_t header_name_bytes_max = 64;
constexpr std::string_view time_letters = "YmdHMSj";
constexpr std::string_view unknown = "unknown";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_of(char letter) { return letter == 'Y' ? 4 : letter == 'j' ? 3 : 2; }

// Where in a path its number goes: at the first dot of the last component, or at the end.
std::size_t number_place(std::string_view path) {
  const auto slash = path.rfind('/');
  const std::size_t name = slash == std::string_view::npos ? 0 : slash + 1;
  const auto dot = path.find('.', name + 1);
  return dot == std::string_view::npos ? path.size() : dot;
}

}  // namespace

void HeaderValue::assign(std::optional<std::string_view> raw, std::size_t bytes_max) {
  RUNNEL_ASSERT(bytes_max >= unknown.size() && bytes_max <= header_value_bytes_max);
  const std::string_view from = raw && !raw->empty() ? *raw : unknown;
  size = static_cast<std::uint8_t>(std::min(from.size(), bytes_max));
  char before = '.';  // as if a dot stood in front: none may be the first
  for (std::size_t at = 0; at < size; ++at) {
    const char c = from[at];
    const bool refused = c == '/' || is_control(c) || (c == '.' && before == '.');
    text[at] = refused ? '_' : c;
    before = text[at];
  }
  // Nor the last: the pattern may go on with one.
  if (before == '.') text[size - 1] = '_';
}

// --- parsing -------------------------------------------------------------------------------------

tl::expected<PathTemplate, std::string> PathTemplate::parse(std::string_view pattern) {
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  PathTemplate made;
  if (pattern.empty()) return refuse("is empty");
  if (pattern.size() > path_pattern_bytes_max)
    return refuse(concat("is longer than ", path_pattern_bytes_max, " bytes"));
  if (std::any_of(pattern.begin(), pattern.end(), is_control)) return refuse("has a control byte");
  if (pattern.ends_with('/')) return refuse("names a folder; it needs a file name at its end");
  if (pattern.ends_with(unfinished_ending))
    return refuse("ends with .tmp, which marks files that are not finished");
  std::memcpy(made.pattern_, pattern.data(), pattern.size());
  made.pattern_size_ = pattern.size();
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t percent = std::min(pattern.find('%', at), pattern.size());
    std::string why;
    if (percent > at) why = made.add(Kind::literal, at, percent - at);
    at = percent;
    if (why.empty() && at < pattern.size()) why = made.add_percent(at);
    if (!why.empty()) return refuse(std::move(why));
  }
  if (std::string why = made.check_components(); !why.empty()) return refuse(std::move(why));
  if (std::string why = made.find_folder(); !why.empty()) return refuse(std::move(why));
  return made;
}

// `at` is that of a percent sign; moves behind what it begins.
std::string PathTemplate::add_percent(std::size_t& at) {
  const std::string_view rest = std::string_view(pattern_, pattern_size_).substr(at);
  if (rest.size() < 2) return "ends with a lone %; write %% for the sign itself";
  const char letter = rest[1];
  if (letter == '%') {
    at += 2;
    return add(Kind::literal, at - 1, 1);
  }
  if (time_letters.find(letter) != std::string_view::npos) {
    at += 2;
    return add(Kind::time, at - 2, 2);
  }
  if (letter != '{')
    return concat("has %", letter, "; known are %Y %m %d %H %M %S %j, %{HEADER} and %%");
  const auto end = rest.find('}');
  if (end == std::string_view::npos) return "has %{ without its }";
  const std::size_t name_bytes = end - 2;
  if (name_bytes == 0 || name_bytes > header_name_bytes_max)
    return "has a header name that is empty or longer than 64 bytes";
  if (header_count_ == path_headers_max)
    return concat("has more than ", path_headers_max, " headers");
  const std::size_t begin = at + 2;
  at += end + 1;
  return add(Kind::header, begin, name_bytes);
}

std::string PathTemplate::add(Kind kind, std::size_t begin, std::size_t size) {
  if (piece_count_ == pieces_max) return concat("has more than ", pieces_max, " parts");
  const Piece piece{kind, static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(size)};
  pieces_[piece_count_++] = piece;
  TextWriter shape{std::span<char>(shape_ + shape_size_, sizeof(shape_) - shape_size_)};
  switch (kind) {
    case Kind::literal:
      shape << text_of(piece);
      break;
    case Kind::time:
      for (std::size_t each = 0; each < digits_of(pattern_[begin + 1]); ++each) shape << any_digit;
      break;
    case Kind::header:
      headers_[header_count_++] = piece;
      shape << any_text;
      break;
  }
  // Invariant: a piece's shape is at most twice as long as its text ("%Y" is four digits).
  RUNNEL_ASSERT(!shape.cut());
  shape_size_ += shape.size();
  return {};
}

// Every rendered component must be a valid name, whatever the headers say; values get what room
// the rest leaves them.
std::string PathTemplate::check_components() {
  std::string_view rest(shape_, shape_size_);
  std::size_t fixed_bytes = 0;
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t size = std::min(rest.find('/'), rest.size());
    const std::string_view component = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    fixed_bytes += size + 1;
    // What walks the folders to find old files never comes upon such names.
    if (!first && (component.empty() || component == "."))
      return "has a folder without a name in it (\"//\" or \"/./\")";
    if (component == "..") return "has a \"..\" in it; name the folder itself";
    const auto values =
        static_cast<std::size_t>(std::count(component.begin(), component.end(), any_text));
    const std::size_t fixed = component.size() - values + ending_bytes_max;
    if (fixed > component_bytes_max) return "has a name in it that is too long";
    if (values == 0) continue;
    value_bytes_max_ = std::min(value_bytes_max_, (component_bytes_max - fixed) / values);
  }
  if (value_bytes_max_ < value_bytes_least) return "leaves no room for the values of its headers";
  if (fixed_bytes + header_count_ * value_bytes_max_ + ending_bytes_max > path_bytes_max)
    return "is too long with its headers filled in";
  return {};
}

std::string PathTemplate::find_folder() {
  std::size_t literal = 0;
  const std::string_view shape(shape_, shape_size_);
  while (literal < shape.size() && shape[literal] != any_digit && shape[literal] != any_text)
    ++literal;
  const auto slash = shape.substr(0, literal).rfind('/');
  if (slash == std::string_view::npos)
    return "needs a fixed folder in front of its first %, such as \"/data/logs/%Y-%m-%d.log\"";
  folder_size_ = std::max<std::size_t>(slash, 1);
  std::memcpy(folder_, shape_, folder_size_);
  const std::string_view below = shape.substr(slash + 1);
  folders_below_ = static_cast<std::size_t>(std::count(below.begin(), below.end(), '/'));
  return {};
}

// --- rendering and matching ----------------------------------------------------------------------

void PathTemplate::write(TextWriter& out, WallTime time, const HeaderValues& values) const {
  std::size_t header = 0;
  for (std::size_t index = 0; index < piece_count_; ++index) {
    const Piece& piece = pieces_[index];
    switch (piece.kind) {
      case Kind::literal:
        out << text_of(piece);
        break;
      case Kind::time:
        codec::write_time_pattern(text_of(piece), time, out);
        break;
      case Kind::header:
        out << values[header++].view();
        break;
    }
  }
  RUNNEL_ASSERT(!out.cut());
}

// A wildcard match with one place to come back to: enough, because every other part has a fixed
// length, and at worst quadratic in the length of a name.
bool PathTemplate::matches_exactly(std::string_view path) const {
  const std::string_view shape(shape_, shape_size_);
  std::size_t part = 0, at = 0, resume_part = 0, resume_at = 0;
  bool can_resume = false;
  while (at < path.size()) {
    if (part < shape.size() && shape[part] == any_text) {
      if (path[at] == '/') return false;
      resume_part = ++part;
      resume_at = ++at;
      can_resume = true;
    } else if (part < shape.size() &&
               (shape[part] == any_digit ? is_digit(path[at]) : shape[part] == path[at])) {
      ++part;
      ++at;
    } else if (can_resume && path[resume_at] != '/') {
      part = resume_part;
      at = ++resume_at;
    } else {
      return false;
    }
  }
  return part == shape.size();
}

bool PathTemplate::matches(std::string_view path) const {
  if (path.size() > path_bytes_max) return false;
  if (matches_exactly(path)) return true;
  const std::size_t end = number_place(path);
  std::size_t begin = end;
  while (begin > 0 && is_digit(path[begin - 1])) --begin;
  if (begin == end || begin == 0 || path[begin - 1] != '-') return false;
  if (path[begin] == '0') return false;  // numbers begin at 1 and have no leading zeros
  PathText plain(path.substr(0, begin - 1), path.substr(end));
  return matches_exactly(plain.text());
}

void write_numbered(TextWriter& out, std::string_view path, std::uint32_t number) {
  if (number == 0) {
    out << path;
    return;
  }
  const std::size_t place = number_place(path);
  out << path.substr(0, place) << '-' << number << path.substr(place);
}

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return path.substr(0, std::max<std::size_t>(slash, 1));
}

}  // namespace runnel::sinks
