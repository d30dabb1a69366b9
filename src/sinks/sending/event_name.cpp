#include "sinks/sending/event_name.hpp"

#include <algorithm>
#include <span>

#include "base/assert.hpp"
#include "codec/syslog.hpp"

namespace runnel::sinks {

std::string EventName::parse(std::string_view pattern) {
  RUNNEL_ASSERT(piece_count_ == 0 && rules_->pattern_bytes_max <= pattern_bytes_most);
  if (pattern.empty()) return concat("is empty: write for example \"", rules_->example, '"');
  if (pattern.size() > rules_->pattern_bytes_max)
    return concat("is longer than ", rules_->pattern_bytes_max, " bytes");
  pattern_size_ = pattern.copy(pattern_, pattern_bytes_most);
  std::string why;
  for (std::size_t at = 0; why.empty() && at < pattern.size();) {
    const std::size_t percent = std::min(pattern.find('%', at), pattern.size());
    if (percent > at) why = add(Kind::literal, at, percent - at);
    at = percent;
    if (why.empty() && at < pattern.size()) why = add_percent(at);
  }
  return why;
}

// `at` is that of a percent sign; moves behind what it begins.
std::string EventName::add_percent(std::size_t& at) {
  const std::string_view rest = std::string_view(pattern_, pattern_size_).substr(at);
  if (rules_->percent_escapes && rest.starts_with("%%")) {
    at += 2;
    return add(Kind::literal, at - 1, 1);
  }
  const auto end = rest.find('}');
  const bool has_name = rest.starts_with("%{") && end != rest.npos && end > 2;
  if (!rules_->percent_escapes && !has_name)
    return "has a % that begins neither %{source}, %{severity} nor %{HEADER}";
  if (!rest.starts_with("%{"))
    return "has a % that is neither %{source}, %{severity}, %{HEADER} nor %%";
  if (end == rest.npos) return "has %{ without its }";
  const std::string_view name = rest.substr(2, end - 2);
  if (name.empty() || name.size() > header_bytes_max)
    return concat("has a name in %{} that is empty or over ", header_bytes_max, " bytes");
  if (value_count_ == values_max) return concat("has more than ", values_max, " values");
  const Kind kind = name == "source"     ? Kind::source
                    : name == "severity" ? Kind::severity
                                         : Kind::header;
  const std::size_t begin = at + 2;
  at += end + 1;
  return add(kind, begin, name.size());
}

std::string EventName::add(Kind kind, std::size_t begin, std::size_t size) {
  if (piece_count_ == pieces_max) return concat("has more than ", pieces_max, " parts");
  pieces_[piece_count_++] =
      Piece{kind, static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(size)};
  if (kind == Kind::literal)
    literal_bytes_ += size;
  else
    ++value_count_;
  reads_headers_ = reads_headers_ || kind == Kind::header;
  return {};
}

void EventName::write_with(std::string_view value, TextWriter& out) const {
  for (const Piece& piece : std::span(pieces_).first(piece_count_))
    out << (piece.kind == Kind::literal ? text_of(piece) : value);
}

std::string_view EventName::value_of(const Piece& piece, const pipeline::Record& record,
                                     std::string_view source) const {
  if (piece.kind == Kind::source) return source;
  if (piece.kind == Kind::header)
    return record.headers().find(text_of(piece)).value_or(std::string_view());
  if (record.severity() == pipeline::Severity::none) return {};
  return codec::severity_name(static_cast<std::uint8_t>(record.severity()));
}

void EventName::write(const pipeline::Record& record, std::string_view source,
                      TextWriter& out) const {
  for (const Piece& piece : std::span(pieces_).first(piece_count_)) {
    if (piece.kind == Kind::literal) {
      out << text_of(piece);
      continue;
    }
    const std::string_view found = value_of(piece, record, source);
    const std::string_view value = found.empty() ? rules_->missing : found;
    if (!value.empty()) rules_->write_value(value, out);
  }
  RUNNEL_ASSERT(!out.cut());
}

}  // namespace runnel::sinks
