#include "tests/sim/swarm/ledger.hpp"

#include <algorithm>
#include <charconv>

namespace runnel::swarm {
namespace {

std::uint32_t mixed(std::uint32_t stream, std::uint32_t number) {
  std::uint64_t value = (std::uint64_t{stream} << 32 | number) * 0x9E3779B97F4A7C15;
  value ^= value >> 29;
  return static_cast<std::uint32_t>(value * 0xBF58476D1CE4E5B9 >> 32);
}

void append_number(std::string& text, std::uint32_t number) {
  char digits[12];
  text.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

// Reads digits and the dot behind them.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != '.') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

constexpr std::string_view letters =
    "abcdefghijklmnopqrstuvwxyz the quick brown fox ABCDEFGHIJKLMNOPQRSTUVWXYZ jumps over "
    "0123456789"
    " abcdefghijklmnopqrstuvwxyz the quick brown fox ABCDEFGHIJKLMNOPQRSTUVWXYZ jumps over "
    "012345678";

}  // namespace

std::uint32_t Ledger::add(StreamKind kind, std::size_t source, std::size_t event_bytes_max,
                          bool long_events) {
  Stream& added = streams_.emplace_back();
  added.kind = kind;
  added.source = source;
  added.event_bytes_max = event_bytes_max;
  long_.push_back(long_events);
  return count() - 1;
}

void Ledger::add_generated(std::size_t source, std::size_t body_bytes) {
  generated_.push_back(add(StreamKind::generated, source, body_bytes, false));
}

// A number of twelve digits, then text.
std::optional<EventId> Ledger::recognise_generated(std::string_view body) {
  constexpr std::size_t digits = 12;
  if (body.size() <= digits || body[digits] != ' ') return std::nullopt;
  for (const std::uint32_t stream : generated_) {
    if (streams_[stream].event_bytes_max != body.size()) continue;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(body.data(), body.data() + digits, number);
    if (error != std::errc() || end != body.data() + digits) return std::nullopt;
    streams_[stream].put = std::max(streams_[stream].put, number + 1);
    return EventId{stream, number, true};
  }
  return std::nullopt;
}

void Ledger::write_body(std::uint32_t stream, std::uint32_t number, std::string& text) const {
  const std::uint32_t mix = mixed(stream, number);
  text += 'e';
  append_number(text, stream);
  text += '.';
  append_number(text, number);
  text += '.';
  std::size_t length = 8 + mix % 96;
  // Now and then one that is longer than the source takes.
  if (long_[stream] && mix % 61 == 7) length = streams_[stream].event_bytes_max + mix / 61 % 700;
  std::size_t from = mix >> 26;
  while (length > 0) {
    const std::string_view piece = letters.substr(from, length);
    text += piece;
    length -= piece.size();
    from = 0;
  }
}

void Ledger::put(std::uint32_t stream, std::string& text) {
  write_body(stream, streams_[stream].put++, text);
}

Recognised Ledger::recognise(std::string_view body) {
  using What = Recognised::What;
  if (const auto generated = recognise_generated(body)) return {What::event, *generated};
  std::string_view rest = body;
  if (!rest.starts_with('e')) return {};
  rest.remove_prefix(1);
  const bool only_numbers = rest.find_first_not_of("0123456789.") == std::string_view::npos;
  const auto stream = take_number(rest);
  if (!stream) return {only_numbers ? What::fragment : What::unknown, {}};
  if (*stream >= streams_.size()) return {};
  const Stream& from = streams_[*stream];
  const auto number = take_number(rest);
  if (!number) {
    const bool broke_off = only_numbers && from.kind == StreamKind::connection;
    return {broke_off ? What::fragment : What::unknown, {}};
  }
  if (*number >= from.put) return {};
  scratch_.clear();
  write_body(*stream, *number, scratch_);
  const auto wanted = std::string_view(scratch_).substr(0, from.event_bytes_max);
  if (body == wanted) return {What::event, {*stream, *number, true}};
  if (from.kind == StreamKind::connection && wanted.starts_with(body))
    return {What::beginning, {*stream, *number, false}};
  return {};
}

}  // namespace runnel::swarm
