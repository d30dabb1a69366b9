// The classes of bytes of HTTP's grammar (RFC 9110 section 5.5 and 5.6), and comparisons that do
// not know capital letters.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace runnel::codec::http {

constexpr bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }
constexpr bool is_letter(std::uint8_t byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }
constexpr bool is_blank(std::uint8_t byte) { return byte == ' ' || byte == '\t'; }

// tchar: what names of methods and fields are made of.
constexpr bool is_token(std::uint8_t byte) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return is_digit(byte) || is_letter(byte) ||
         (byte != 0 && marks.find(static_cast<char>(byte)) != std::string_view::npos);
}
// What may stand in the value of a field: anything visible, blanks, and bytes past ASCII.
constexpr bool is_value(std::uint8_t byte) { return byte == '\t' || (byte >= ' ' && byte != 0x7f); }

constexpr bool is_token(std::string_view text) {
  for (const char c : text)
    if (!is_token(static_cast<std::uint8_t>(c))) return false;
  return !text.empty();
}
constexpr bool is_value(std::string_view text) {
  for (const char c : text)
    if (!is_value(static_cast<std::uint8_t>(c))) return false;
  return true;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool same_word(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t index = 0; index < left.size(); ++index)
    if (lower(left[index]) != lower(right[index])) return false;
  return true;
}

constexpr std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(static_cast<std::uint8_t>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && is_blank(static_cast<std::uint8_t>(text.back()))) text.remove_suffix(1);
  return text;
}

}  // namespace runnel::codec::http
