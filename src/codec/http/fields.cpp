#include "codec/http/fields.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"

namespace runnel::codec::http {

std::string_view take_line(std::string_view& head) {
  const std::size_t end = head.find("\r\n");
  RUNNEL_ASSERT(end != std::string_view::npos);
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(end + 2);
  return line;
}

Result<Fields> Fields::parse(std::string_view lines, std::uint32_t count_max) {
  std::uint32_t count = 0;
  for (std::string_view rest = lines; !rest.empty(); ++count) {
    if (count == count_max) return fail(Error::too_large);
    const std::string_view line = take_line(rest);
    const std::size_t colon = line.find(':');
    // A folded line begins with a blank, which is not part of a name.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
        !is_value(line.substr(colon + 1)))
      return fail(Error::malformed);
  }
  return Fields(lines);
}

bool Fields::take(std::string_view& rest, Field& field) {
  if (rest.empty()) return false;
  const std::string_view line = take_line(rest);
  const std::size_t colon = line.find(':');
  field.name = line.substr(0, colon);
  field.value = without_blanks(line.substr(colon + 1));
  return true;
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  Field field;
  for (std::string_view rest = lines_; take(rest, field);)
    if (same_word(field.name, name)) return field.value;
  return std::nullopt;
}

MessageFields message_fields(const Fields& fields) {
  MessageFields found;
  fields.each([&](const Field& field) {
    if (same_word(field.name, "content-length")) {
      ++found.lengths;
      found.length = field.value;
    } else if (same_word(field.name, "transfer-encoding")) {
      ++found.codings;
      found.coding = field.value;
    } else if (same_word(field.name, "connection")) {
      each_member(field.value, [&](std::string_view option) {
        if (same_word(option, "close")) found.close = true;
        if (same_word(option, "keep-alive")) found.kept_alive = true;
      });
    }
  });
  return found;
}

Result<BodyFraming> MessageFields::framing(std::uint32_t minor_version) const {
  if (lengths + codings == 0) return BodyFraming{};
  if (lengths + codings > 1) return fail(Error::malformed);
  if (lengths == 1) {
    const auto size = parse_number(length);
    if (!size) return fail(Error::malformed);
    return BodyFraming{BodyFraming::Kind::sized, *size};
  }
  if (minor_version == 0) return fail(Error::malformed);
  std::string_view last;
  std::size_t members = 0;
  each_member(coding, [&](std::string_view member) {
    last = member;
    ++members;
  });
  if (!same_word(last, "chunked")) return fail(Error::malformed);
  if (members > 1) return fail(Error::unsupported);
  return BodyFraming{BodyFraming::Kind::chunked, 0};
}

Result<std::size_t> HeadEnd::look(std::string_view so_far, std::uint32_t head_bytes_max) {
  RUNNEL_ASSERT(so_far.size() >= looked_);
  for (;;) {
    const std::size_t newline = so_far.find('\n', looked_);
    const bool seen = newline != std::string_view::npos;
    looked_ = seen ? newline + 1 : so_far.size();
    if (looked_ > head_bytes_max || (!seen && looked_ == head_bytes_max))
      return fail(Error::too_large);
    if (!seen) return 0;
    if (newline == line_begin_ || so_far[newline - 1] != '\r') return fail(Error::malformed);
    if (newline == line_begin_ + 1) return looked_;
    line_begin_ = looked_;
  }
}

}  // namespace runnel::codec::http
