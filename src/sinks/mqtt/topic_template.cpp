#include "sinks/mqtt/topic_template.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/assert.hpp"
#include "codec/mqtt/text.hpp"
#include "codec/syslog.hpp"

namespace runnel::sinks {
namespace {

using codec::mqtt::topic_step;

constexpr std::string_view unknown = "unknown";

// As much of `raw` as fits, with every character that must not be there an underscore.
void write_value(std::optional<std::string_view> raw, TextWriter& out) {
  std::string_view rest = raw && !raw->empty() ? *raw : unknown;
  std::size_t room = TopicTemplate::value_bytes_max;
  if (out.size() == 0 && rest.starts_with('$')) {
    out << '_';
    rest.remove_prefix(1);
    --room;
  }
  while (!rest.empty() && room > 0) {
    std::size_t kept = 0;  // good characters that go out in one piece
    auto step = topic_step(rest);
    while (step.allowed && rest[kept] != '/' && step.size <= room - kept) {
      kept += step.size;
      if (kept == rest.size()) break;
      step = topic_step(rest.substr(kept));
    }
    out << rest.substr(0, kept);
    rest.remove_prefix(kept);
    room -= kept;
    if (rest.empty() || room == 0) return;
    const bool good = step.allowed && rest.front() != '/';
    if (good) return;  // it no longer fits
    out << '_';
    rest.remove_prefix(step.size);
    --room;
  }
}

}  // namespace

tl::expected<TopicTemplate, std::string> TopicTemplate::parse(std::string_view pattern) {
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  TopicTemplate made;
  if (pattern.empty()) return refuse("is empty");
  if (pattern.size() > pattern_bytes_max)
    return refuse(concat("is longer than ", pattern_bytes_max, " bytes"));
  if (pattern.find_first_of("+#") != std::string_view::npos)
    return refuse("has a wildcard (+ or #), which only subscribers may use");
  if (!codec::mqtt::valid_topic(pattern))
    return refuse("is not UTF-8, or has a control byte or another character no topic may have");
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
  return made;
}

// `at` is that of a percent sign; moves behind what it begins.
std::string TopicTemplate::add_percent(std::size_t& at) {
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

std::string TopicTemplate::add(Kind kind, std::size_t begin, std::size_t size) {
  if (piece_count_ == pieces_max) return concat("has more than ", pieces_max, " parts");
  pieces_[piece_count_++] =
      Piece{kind, static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(size)};
  if (kind == Kind::literal)
    literal_bytes_ += size;
  else
    ++value_count_;
  return {};
}

void TopicTemplate::write(const pipeline::Record& record, std::string_view source,
                          TextWriter& out) const {
  RUNNEL_ASSERT(out.size() == 0 && out.room() >= bytes_max());
  for (const Piece& piece : std::span(pieces_).first(piece_count_)) {
    switch (piece.kind) {
      case Kind::literal:
        out << text_of(piece);
        break;
      case Kind::source:
        write_value(source, out);
        break;
      case Kind::severity:
        write_value(codec::severity_name(static_cast<std::uint8_t>(record.severity())), out);
        break;
      case Kind::header:
        write_value(record.headers().find(text_of(piece)), out);
        break;
    }
  }
  RUNNEL_ASSERT(!out.cut());
}

}  // namespace runnel::sinks
