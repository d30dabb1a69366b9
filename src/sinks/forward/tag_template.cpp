#include "sinks/forward/tag_template.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/syslog.hpp"

namespace runnel::sinks {
namespace {

bool stands_in_value(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == ':' || c == '/';
}
bool stands_in_pattern(char c) { return stands_in_value(c) || c == '.'; }

void write_value(std::string_view raw, TextWriter& out) {
  if (raw.empty()) raw = "unknown";
  for (const char c : raw.substr(0, TagTemplate::value_bytes_max))
    out << (stands_in_value(c) ? c : '_');
}

}  // namespace

tl::expected<TagTemplate, std::string> TagTemplate::parse(std::string_view pattern) {
  using Wrong = tl::unexpected<std::string>;
  if (pattern.empty()) return Wrong("is empty: write for example \"edge.%{source}\"");
  if (pattern.size() > pattern_bytes_max)
    return Wrong(concat("is longer than ", pattern_bytes_max, " bytes"));
  TagTemplate made;
  made.pattern_size_ = pattern.copy(made.pattern_, pattern_bytes_max);
  std::size_t literal = 0;
  for (std::size_t at = 0; at < pattern.size();) {
    std::string problem;
    if (pattern[at] == '%') {
      problem = made.add(Kind::literal, literal, at - literal);
      if (problem.empty()) problem = made.add_percent(at);
      literal = at;
    } else if (stands_in_pattern(pattern[at])) {
      ++at;
    } else {
      problem = "may have letters, digits and - _ : / besides its dots and %{NAME}";
    }
    if (!problem.empty()) return Wrong(problem);
  }
  if (const auto problem = made.add(Kind::literal, literal, pattern.size() - literal);
      !problem.empty())
    return Wrong(problem);
  return made;
}

std::string TagTemplate::add(Kind kind, std::size_t begin, std::size_t size) {
  if (size == 0) return {};
  if (piece_count_ == pieces_max) return "has too many parts";
  pieces_[piece_count_++] = {kind, static_cast<std::uint8_t>(begin),
                             static_cast<std::uint8_t>(size)};
  return {};
}

// `at` stands on the percent sign, and behind what it begins afterwards.
std::string TagTemplate::add_percent(std::size_t& at) {
  const std::string_view rest(pattern_ + at, pattern_size_ - at);
  const auto end = rest.find('}');
  if (!rest.starts_with("%{") || end == rest.npos || end == 2)
    return "has a % that begins neither %{source}, %{severity} nor %{HEADER}";
  if (value_count_ == values_max) return concat("has more than ", values_max, " values");
  ++value_count_;
  const std::string_view name = rest.substr(2, end - 2);
  const Kind kind = name == "source"     ? Kind::source
                    : name == "severity" ? Kind::severity
                                         : Kind::header;
  const std::size_t begin = at + 2;
  at += end + 1;
  return add(kind, begin, name.size());
}

void TagTemplate::write(const pipeline::Record& record, std::string_view source,
                        TextWriter& out) const {
  for (std::size_t index = 0; index < piece_count_; ++index) {
    const Piece& piece = pieces_[index];
    switch (piece.kind) {
      case Kind::literal:
        out << text_of(piece);
        break;
      case Kind::source:
        write_value(source, out);
        break;
      case Kind::severity:
        write_value(record.severity() == pipeline::Severity::none
                        ? std::string_view()
                        : codec::severity_name(static_cast<std::uint8_t>(record.severity())),
                    out);
        break;
      case Kind::header:
        write_value(record.headers().find(text_of(piece)).value_or(std::string_view()), out);
        break;
    }
  }
}

void TagTemplate::write(TextWriter& out) const {
  RUNNEL_ASSERT(is_constant());
  for (std::size_t index = 0; index < piece_count_; ++index) out << text_of(pieces_[index]);
}

}  // namespace runnel::sinks
