#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace runnel {

TextWriter& TextWriter::operator<<(std::string_view text) {
  const std::size_t taken = std::min(text.size(), room());
  cut_ = cut_ || taken < text.size();
  if (taken > 0) std::memcpy(buffer_.data() + size_, text.data(), taken);
  size_ += taken;
  return *this;
}

namespace {

// Here, not in the header: one for all types of numbers, and none wherever a text is put together.
template <class T>
TextWriter& write_digits(TextWriter& out, T number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  return out << std::string_view(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

TextWriter& TextWriter::write_signed(std::int64_t number) { return write_digits(*this, number); }
TextWriter& TextWriter::write_unsigned(std::uint64_t number) { return write_digits(*this, number); }

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit size_units[] = {
    {"B", 1},
    {"", 1},
    {"kB", 1000},
    {"MB", 1000'000},
    {"GB", 1000'000'000},
    {"KiB", 1ull << 10},
    {"MiB", 1ull << 20},
    {"GiB", 1ull << 30},
};
constexpr Unit duration_units[] = {
    {"us", 1'000},         {"ms", 1'000'000},        {"s", 1'000'000'000},
    {"m", 60'000'000'000}, {"h", 3'600'000'000'000}, {"d", 86'400'000'000'000},
};

Result<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  const auto digits = text.find_first_not_of("0123456789");
  const auto number = parse_number(text.substr(0, digits));
  if (!number) return number;
  const auto name = digits == std::string_view::npos ? std::string_view() : text.substr(digits);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(*number, unit.factor, &product)) return fail(Error::too_large);
    return product;
  }
  return fail(Error::malformed);
}

}  // namespace

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure == std::errc::result_out_of_range) return fail(Error::too_large);
  if (failure != std::errc() || end != text.data() + text.size()) return fail(Error::malformed);
  return value;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, size_units);
}

Result<Duration> parse_duration(std::string_view text) {
  const auto nanoseconds = parse_with_unit(text, duration_units);
  if (!nanoseconds) return fail(nanoseconds.error());
  if (*nanoseconds > static_cast<std::uint64_t>(Duration::max().count()))
    return fail(Error::too_large);
  return Duration(static_cast<std::int64_t>(*nanoseconds));
}

namespace {

// One decimal below ten of a unit, none above: "1.5", "42".
void write_scaled(TextWriter& out, std::uint64_t value, std::uint64_t unit) {
  out << value / unit;
  if (unit > 1 && value < unit * 100) out << '.' << (value % unit) * 10 / unit;
}

}  // namespace

TextWriter& operator<<(TextWriter& out, HumanSize size) {
  static constexpr Unit steps[] = {
      {" GiB", 1ull << 30}, {" MiB", 1ull << 20}, {" KiB", 1ull << 10}, {" B", 1}};
  for (const Unit& step : steps) {
    if (size.bytes < step.factor && step.factor != 1) continue;
    write_scaled(out, size.bytes, step.factor);
    return out << step.name;
  }
  return out;
}

TextWriter& operator<<(TextWriter& out, HumanDuration human) {
  static constexpr Unit steps[] = {{" d", 86'400'000'000'000},
                                   {" h", 3'600'000'000'000},
                                   {" min", 60'000'000'000},
                                   {" s", 1'000'000'000},
                                   {" ms", 1'000'000},
                                   {" us", 1'000},
                                   {" ns", 1}};
  Duration duration = human.duration;
  if (duration < Duration::zero()) {
    out << '-';
    duration = -duration;
  }
  const auto ns = static_cast<std::uint64_t>(duration.count());
  for (const Unit& step : steps) {
    if (ns < step.factor && step.factor != 1) continue;
    write_scaled(out, ns, step.factor);
    return out << step.name;
  }
  return out;
}

namespace {

// In the largest unit that leaves no rest; the last of `units` is taken when all do.
TextWriter& write_exactly(TextWriter& out, std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (value >= unit.factor && value % unit.factor == 0)
      return out << value / unit.factor << unit.name;
  return out << value / units.back().factor << units.back().name;
}

}  // namespace

TextWriter& operator<<(TextWriter& out, WrittenSize size) {
  static constexpr Unit units[] = {
      {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}};
  return write_exactly(out, size.bytes, units);
}

TextWriter& operator<<(TextWriter& out, WrittenDuration duration) {
  static constexpr Unit units[] = {{"d", 86'400'000'000'000}, {"h", 3'600'000'000'000},
                                   {"m", 60'000'000'000},     {"s", 1'000'000'000},
                                   {"ms", 1'000'000},         {"us", 1'000}};
  if (duration.duration == Duration::zero()) return out << "0s";
  return write_exactly(out, static_cast<std::uint64_t>(duration.duration.count()), units);
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::size_t, 64> row{};
  if (a.size() >= row.size() || b.size() >= row.size()) return row.size();
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view wrong, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string_view name : names) {
    const std::size_t distance = edit_distance(wrong, name);
    if (distance >= best_distance) continue;
    best = name;
    best_distance = distance;
  }
  return best;
}

}  // namespace runnel
