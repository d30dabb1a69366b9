#include "io/address.hpp"

#include <algorithm>
#include <cstddef>

namespace runnel::io {
namespace {

Result<std::uint8_t> parse_octet(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number > 255 || text.size() > 3) return fail(Error::malformed);
  return static_cast<std::uint8_t>(*number);
}

Status parse_ipv4(std::string_view text, std::uint8_t* into) {
  for (int index = 0; index < 4; ++index) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (index == 3)) return Error::malformed;
    const auto octet = parse_octet(text.substr(0, dot));
    if (!octet) return octet.error();
    into[index] = *octet;
    text.remove_prefix(index == 3 ? text.size() : dot + 1);
  }
  return {};
}

Result<std::uint16_t> parse_group(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || text.size() > 4 || failure != std::errc() || end != text.data() + text.size())
    return fail(Error::malformed);
  return value;
}

// Groups up to "::" or the end; a trailing IPv4 part counts as two. RFC 4291 section 2.2.
struct Groups {
  std::array<std::uint16_t, 8> value = {};
  std::size_t count = 0;
};

Status parse_groups(std::string_view text, Groups& groups) {
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    if (part.find('.') != std::string_view::npos) {
      std::uint8_t octets[4];
      if (colon != std::string_view::npos || groups.count > 6 || !parse_ipv4(part, octets))
        return Error::malformed;
      groups.value[groups.count++] = static_cast<std::uint16_t>(octets[0] << 8 | octets[1]);
      groups.value[groups.count++] = static_cast<std::uint16_t>(octets[2] << 8 | octets[3]);
      return {};
    }
    const auto group = parse_group(part);
    if (!group || groups.count == 8) return Error::malformed;
    groups.value[groups.count++] = *group;
    if (colon == std::string_view::npos) return {};
    text.remove_prefix(colon + 1);
    if (text.empty()) return Error::malformed;
  }
  return {};
}

Status parse_ipv6(std::string_view text, std::array<std::uint8_t, 16>& ip) {
  Groups head, tail;
  const auto gap = text.find("::");
  if (const auto status = parse_groups(text.substr(0, gap), head); !status) return status;
  if (gap != std::string_view::npos) {
    if (const auto status = parse_groups(text.substr(gap + 2), tail); !status) return status;
    if (head.count + tail.count > 7) return Error::malformed;
  } else if (head.count != 8) {
    return Error::malformed;
  }
  std::array<std::uint16_t, 8> all = {};
  std::copy_n(head.value.begin(), head.count, all.begin());
  std::copy_n(tail.value.begin(), tail.count, all.end() - static_cast<std::ptrdiff_t>(tail.count));
  for (std::size_t index = 0; index < 8; ++index) {
    ip[index * 2] = static_cast<std::uint8_t>(all[index] >> 8);
    ip[index * 2 + 1] = static_cast<std::uint8_t>(all[index]);
  }
  return {};
}

void write_ipv4(TextWriter& out, const std::uint8_t* ip) {
  out << unsigned{ip[0]} << '.' << unsigned{ip[1]} << '.' << unsigned{ip[2]} << '.'
      << unsigned{ip[3]};
}

void write_hex(TextWriter& out, std::uint16_t value) {
  char digits[4];
  const auto end = std::to_chars(digits, digits + 4, value, 16).ptr;
  out << std::string_view(digits, static_cast<std::size_t>(end - digits));
}

void write_ipv6(TextWriter& out, const std::array<std::uint8_t, 16>& ip) {
  std::array<std::uint16_t, 8> groups;
  for (std::size_t index = 0; index < 8; ++index)
    groups[index] = static_cast<std::uint16_t>(ip[index * 2] << 8 | ip[index * 2 + 1]);
  // RFC 5952 section 4.2: the longest run of two or more zero groups becomes "::", the first on a
  // tie.
  std::size_t best = 8, best_length = 1;
  for (std::size_t start = 0; start < 8; ++start) {
    std::size_t length = 0;
    while (start + length < 8 && groups[start + length] == 0) ++length;
    if (length > best_length) {
      best = start;
      best_length = length;
    }
  }
  for (std::size_t index = 0; index < 8; ++index) {
    if (index == best) {
      out << "::";
      index += best_length - 1;
      continue;
    }
    if (index > 0 && !(best < 8 && index == best + best_length)) out << ':';
    write_hex(out, groups[index]);
  }
}

bool is_mapped_ipv4(const std::array<std::uint8_t, 16>& ip) {
  return std::all_of(ip.begin(), ip.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
         ip[10] == 0xFF && ip[11] == 0xFF;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  Address address;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find("]:");
    if (end == std::string_view::npos) return fail(Error::malformed);
    address.family = Family::ipv6;
    if (!parse_ipv6(text.substr(1, end - 1), address.ip)) return fail(Error::malformed);
    port = text.substr(end + 2);
  } else {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(Error::malformed);
    address.family = Family::ipv4;
    if (!parse_ipv4(text.substr(0, colon), address.ip.data())) return fail(Error::malformed);
    port = text.substr(colon + 1);
  }
  const auto number = parse_number(port);
  if (!number || *number > 65535 || port.size() > 5) return fail(Error::malformed);
  address.port = static_cast<std::uint16_t>(*number);
  return address;
}

void write_ip(TextWriter& out, const Address& address) {
  switch (address.family) {
    case Family::none:
      out << "-";
      return;
    case Family::local:
      out << "unix";
      return;
    case Family::ipv4:
      write_ipv4(out, address.ip.data());
      return;
    case Family::ipv6:
      if (is_mapped_ipv4(address.ip)) {
        write_ipv4(out, address.ip.data() + 12);
      } else {
        write_ipv6(out, address.ip);
      }
      return;
  }
}

TextWriter& operator<<(TextWriter& out, const Address& address) {
  const bool brackets = address.family == Family::ipv6 && !is_mapped_ipv4(address.ip);
  if (brackets) out << '[';
  write_ip(out, address);
  if (brackets) out << ']';
  if (address.family == Family::local) return out;
  return out << ':' << address.port;
}

}  // namespace runnel::io
