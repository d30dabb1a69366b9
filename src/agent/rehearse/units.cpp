#include "agent/rehearse/units.hpp"

#include "base/text.hpp"

namespace runnel::agent::rehearse {
namespace {

constexpr std::uint64_t events_max = 1'000'000'000;
constexpr std::uint64_t bits_max = 1'000'000'000'000;

// A number from 1 to `limit`, times `factor`; the product is held to the limit.
Result<std::uint64_t> scaled(std::string_view digits, std::uint64_t factor, std::uint64_t limit) {
  const auto number = parse_number(digits);
  if (!number) return number;
  if (*number == 0) return fail(Error::malformed);
  if (*number > limit / factor) return fail(Error::too_large);
  return *number * factor;
}

}  // namespace

Result<Duration> parse_outage(std::string_view text) {
  const auto outage = parse_duration(text);
  if (!outage) return outage;
  if (*outage < RehearseRequest::outage_shortest) return fail(Error::malformed);
  if (*outage > RehearseRequest::outage_longest) return fail(Error::too_large);
  return outage;
}

Result<std::uint64_t> parse_event_bytes(std::string_view text) {
  const auto bytes = parse_size(text);
  if (!bytes) return bytes;
  if (*bytes == 0) return fail(Error::malformed);
  if (*bytes > RehearseRequest::event_bytes_max) return fail(Error::too_large);
  return bytes;
}

Result<RehearseRequest::Rate> parse_rate(std::string_view text) {
  struct Period {
    std::string_view name;
    Duration length;
  };
  static constexpr Period periods[] = {{"/s", 1s}, {"/m", 1min}, {"/h", 1h}, {"/d", 24h}};
  for (const Period& each : periods) {
    if (!text.ends_with(each.name)) continue;
    const auto events = scaled(text.substr(0, text.size() - each.name.size()), 1, events_max);
    if (!events) return fail(events.error());
    return RehearseRequest::Rate{*events, each.length};
  }
  return fail(Error::malformed);
}

Result<std::uint64_t> parse_link(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t bits;
  };
  // The longer names first: all end in "bit".
  static constexpr Unit units[] = {{"kbit", 1000},          {"mbit", 1'000'000},
                                   {"Mbit", 1'000'000},     {"gbit", 1'000'000'000},
                                   {"Gbit", 1'000'000'000}, {"bit", 1}};
  constexpr std::string_view each_second = "/s";
  const bool by_second = text.ends_with(each_second);
  if (by_second) text.remove_suffix(each_second.size());
  for (const Unit& unit : units)
    if (text.ends_with(unit.name))
      return scaled(text.substr(0, text.size() - unit.name.size()), unit.bits, bits_max);
  // Of bytes, so that nobody takes "64" for bits or "64KiB" for all there is to carry.
  if (!by_second || !text.ends_with('B')) return fail(Error::malformed);
  const auto bytes = parse_size(text);
  if (!bytes) return bytes;
  if (*bytes == 0) return fail(Error::malformed);
  if (*bytes > bits_max / 8) return fail(Error::too_large);
  return *bytes * 8;
}

Result<std::uint32_t> parse_ratio(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto whole = parse_number(text.substr(0, point));
  if (!whole) return fail(whole.error());
  std::uint64_t hundredths = 0;
  if (point != text.npos) {
    const std::string_view digits = text.substr(point + 1);
    const auto fraction = parse_number(digits);
    if (!fraction || digits.size() > 2) return fail(Error::malformed);
    hundredths = digits.size() == 1 ? *fraction * 10 : *fraction;
  }
  if (*whole > RehearseRequest::ratio_percent_max / 100) return fail(Error::too_large);
  const std::uint64_t percent = *whole * 100 + hundredths;
  if (percent > RehearseRequest::ratio_percent_max) return fail(Error::too_large);
  if (percent < RehearseRequest::ratio_percent_min) return fail(Error::malformed);
  return static_cast<std::uint32_t>(percent);
}

}  // namespace runnel::agent::rehearse
