#include "sinks/nats/subject_template.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "base/assert.hpp"
#include "codec/nats.hpp"
#include "codec/syslog.hpp"

namespace runnel::sinks {
namespace {

static_assert(SubjectTemplate::subject_bytes_max <= codec::nats_subject_bytes_max);

bool stands_in_value(char c) {
  return c > ' ' && c < '\x7f' && std::string_view(".*>$").find(c) == std::string_view::npos;
}

void write_value(std::string_view raw, TextWriter& out) {
  if (raw.empty()) raw = "unknown";
  for (const char c : raw.substr(0, SubjectTemplate::value_bytes_max))
    out << (stands_in_value(c) ? c : '_');
}

}  // namespace

tl::expected<SubjectTemplate, std::string> SubjectTemplate::parse(std::string_view pattern) {
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  if (pattern.empty()) return refuse("is empty: write for example \"logs.%{source}\"");
  if (pattern.size() > pattern_bytes_max)
    return refuse(concat("is longer than ", pattern_bytes_max, " bytes"));
  SubjectTemplate made;
  made.pattern_size_ = pattern.copy(made.pattern_, pattern_bytes_max);
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t percent = std::min(pattern.find('%', at), pattern.size());
    std::string why;
    if (percent > at) why = made.add(Kind::literal, at, percent - at);
    at = percent;
    if (why.empty() && at < pattern.size()) why = made.add_percent(at);
    if (!why.empty()) return refuse(std::move(why));
  }
  Text<subject_bytes_max> sample;
  made.write_sample("value", sample);
  if (!codec::nats_subject_valid(sample.text()))
    return refuse(
        "is no subject to publish to: tokens with dots between them, none of them empty, without "
        "wildcards (* and >) and spaces");
  return made;
}

// `at` is that of a percent sign; moves behind what it begins.
std::string SubjectTemplate::add_percent(std::size_t& at) {
  const std::string_view rest = std::string_view(pattern_, pattern_size_).substr(at);
  if (rest.starts_with("%%")) {
    at += 2;
    return add(Kind::literal, at - 1, 1);
  }
  if (!rest.starts_with("%{"))
    return "has a % that is neither %{source}, %{severity}, %{HEADER} nor %%";
  const auto end = rest.find('}');
  if (end == std::string_view::npos) return "has %{ without its }";
  const std::string_view name = rest.substr(2, end - 2);
  if (name.empty() || name.size() > 64) return "has a name in %{} that is empty or over 64 bytes";
  if (value_count_ == values_max) return concat("has more than ", values_max, " values");
  const Kind kind = name == "source"     ? Kind::source
                    : name == "severity" ? Kind::severity
                                         : Kind::header;
  const std::size_t begin = at + 2;
  at += end + 1;
  return add(kind, begin, name.size());
}

std::string SubjectTemplate::add(Kind kind, std::size_t begin, std::size_t size) {
  if (piece_count_ == pieces_max) return concat("has more than ", pieces_max, " parts");
  pieces_[piece_count_++] =
      Piece{kind, static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(size)};
  if (kind == Kind::literal)
    literal_bytes_ += size;
  else
    ++value_count_;
  return {};
}

void SubjectTemplate::write_sample(std::string_view value, TextWriter& out) const {
  for (const Piece& piece : std::span(pieces_).first(piece_count_))
    out << (piece.kind == Kind::literal ? text_of(piece) : value);
}

void SubjectTemplate::write(const pipeline::Record& record, std::string_view source,
                            TextWriter& out) const {
  for (const Piece& piece : std::span(pieces_).first(piece_count_)) {
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
  RUNNEL_ASSERT(!out.cut());
}

}  // namespace runnel::sinks
