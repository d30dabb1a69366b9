#include "agent/rehearse/flags.hpp"

#include "agent/rehearse/units.hpp"

namespace runnel::agent::rehearse {
namespace {

// What is wrong with a figure; `kind` is what it has to be: "a rate such as 200/s".
std::string refusal(std::string_view flag, const std::optional<std::string_view>& typed,
                    std::string_view kind) {
  std::string text(flag);
  text += typed ? " is \"" : " is missing; it takes ";
  if (typed) text.append(*typed).append("\", not ");
  return text.append(kind);
}

template <class T>
bool read(const std::optional<std::string_view>& typed, Result<T> (*parse)(std::string_view text),
          T& into) {
  if (!typed) return false;
  const auto value = parse(*typed);
  if (value) into = *value;
  return value.has_value();
}

}  // namespace

tl::expected<RehearseRequest, std::string> read_request(const TypedFlags& typed) {
  RehearseRequest request;
  const auto refuse = [](std::string_view flag, const std::optional<std::string_view>& value,
                         std::string_view kind) {
    return tl::unexpected(refusal(flag, value, kind));
  };
  if (!read(typed.outage, &parse_outage, request.outage))
    return refuse("--outage", typed.outage, "a duration of 1s to 3650d, such as 72h");
  if (!read(typed.rate, &parse_rate, request.rate))
    return refuse("--rate", typed.rate, "a rate such as 200/s, 12000/m, 5/h or 1/d");
  if (!read(typed.event_bytes, &parse_event_bytes, request.event_bytes))
    return refuse("--event-bytes", typed.event_bytes, "a size of 1B to 16MiB, such as 180");
  if (!read(typed.link, &parse_link, request.link_bits_per_second))
    return refuse("--link", typed.link, "a speed such as 32kbit, 1mbit or 64KiB/s");
  if (typed.ratio && !read(typed.ratio, &parse_ratio, request.ratio_percent))
    return refuse("--ratio", typed.ratio, "a number of 1 to 1000, such as 4.5");
  return request;
}

}  // namespace runnel::agent::rehearse
