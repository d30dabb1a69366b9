#include "net/host_name.hpp"

#include <algorithm>

namespace runnel::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool may_be_in_label(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '-' || c == '_';
}

bool is_unspecified(const io::Address& address) {
  return std::all_of(address.ip.begin(), address.ip.end(), [](std::uint8_t b) { return b == 0; });
}

void add(const io::Address& address, std::uint16_t port, Addresses& into) {
  if (into.count == Addresses::count_max || is_unspecified(address)) return;
  io::Address added = address;
  added.port = port;
  const auto end = into.all.begin() + static_cast<std::ptrdiff_t>(into.count);
  if (std::find(into.all.begin(), end, added) != end) return;
  into.all[into.count++] = added;
}

}  // namespace

Result<HostName> HostName::from(std::string_view text) {
  HostName name;
  if (text.empty() || text.size() > bytes_max) return fail(Error::malformed);
  std::size_t label = 0;
  bool digits = true;
  for (const char c : text) {
    // Nothing may follow a dot at the end, so that an empty label is one that a dot ends.
    if (c == '.') {
      if (label == 0) return fail(Error::malformed);
      label = 0;
    } else if (may_be_in_label(c) && label < label_bytes_max) {
      digits = (label == 0 || digits) && is_digit(c);
      ++label;
    } else {
      return fail(Error::malformed);
    }
    name.bytes_[name.size_++] = lower(c);
  }
  if (digits) return fail(Error::malformed);
  return name;
}

bool is_localhost(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name == "localhost" || name.ends_with(".localhost");
}

void interleave(std::span<const io::Address> ipv6, std::span<const io::Address> ipv4,
                std::uint16_t port, Addresses& into) {
  into.count = 0;
  for (std::size_t index = 0; index < std::max(ipv6.size(), ipv4.size()); ++index) {
    if (index < ipv6.size()) add(ipv6[index], port, into);
    if (index < ipv4.size()) add(ipv4[index], port, into);
  }
}

}  // namespace runnel::net
