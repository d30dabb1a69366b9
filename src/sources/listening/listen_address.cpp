#include "sources/listening/listen_address.hpp"

#include <algorithm>
#include <optional>

#include "net/local_path.hpp"

namespace runnel::sources {
namespace {

constexpr std::string_view secure_name = "tls";

std::string_view name_of(io::Transport transport) {
  return transport == io::Transport::tcp ? "tcp" : "udp";
}

std::string_view local_scheme_of(io::Transport transport) {
  return transport == io::Transport::tcp ? net::local_scheme : "unixgram:";
}

bool allows(Transports allowed, io::Transport transport) {
  if (allowed == Transports::both) return true;
  return (allowed == Transports::tcp) == (transport == io::Transport::tcp);
}

bool is_any(const io::Address& address) {
  return std::all_of(address.ip.begin(), address.ip.end(), [](auto byte) { return byte == 0; });
}

// 0.0.0.0 stands for every IPv4 address, [::] for all of both families.
bool stands_for(const io::Address& any, const io::Address& address) {
  return is_any(any) && (any.family == io::Family::ipv6 || any.family == address.family);
}

// What stands where the address should, and what to write instead.
std::string address_advice(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || address.ends_with(']'))
    return concat("\"", address, "\" has no port: write for example \"", address, ":5170\"");
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const auto number = parse_number(port);
  if (!number || *number > 65535)
    return concat("\"", port, "\" is not a port: a number from 0 to 65535");
  if (host.empty() || host == "*")
    return concat("\"", address, "\" has no address: write \"0.0.0.0:", port,
                  "\" for every IPv4 address of this machine, \"[::]:", port, "\" for all");
  if (host.find(':') != std::string_view::npos && !host.starts_with('['))
    return concat("\"", address, "\": an IPv6 address stands in brackets, as in \"[::1]:", port,
                  "\"");
  return concat("\"", address, "\" is not a numeric address such as \"127.0.0.1:", port,
                "\" or \"[::1]:", port, "\" (names are not looked up)");
}

using Parsed = tl::expected<ListenAddress, std::string>;

Parsed parse_local(std::string_view text, io::Transport transport, Transports allowed) {
  const std::string_view scheme = local_scheme_of(transport);
  const std::string_view behind = text.substr(scheme.size());
  if (!allows(allowed, transport))
    return tl::unexpected(concat(
        "\"", text, "\": this source takes ",
        allowed == Transports::tcp ? "streams: write \"unix:" : "datagrams: write \"unixgram:",
        behind, "\""));
  auto path = net::parse_local_path(behind);
  if (!path) return tl::unexpected(std::move(path.error()));
  ListenAddress where{transport, {.family = io::Family::local}};
  where.path = std::move(*path);
  return where;
}

// "0660": three or four octal digits.
pipeline::Checked<std::uint16_t> socket_mode_from(const pipeline::OptionValues& values) {
  const std::string& text = values.text("socket_mode");
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (!digits || text.size() < 3 || text.size() > 4 || (text.size() == 4 && text.front() != '0'))
    return pipeline::wrong("socket_mode", concat("is \"", text,
                                                 "\", which is no mode such as \"0660\": owner, "
                                                 "group and others, each an octal digit"));
  std::uint16_t mode = 0;
  for (const char digit : text) mode = static_cast<std::uint16_t>(mode * 8 + (digit - '0'));
  return mode;
}

}  // namespace

void write_listened(TextWriter& out, const ListenAddress& where, const io::Address& local) {
  if (where.is_local())
    out << local_scheme_of(where.transport) << where.path;
  else
    out << (where.secure ? secure_name : name_of(where.transport)) << "://" << local;
}

TextWriter& operator<<(TextWriter& out, const ListenAddress& where) {
  write_listened(out, where, where.address);
  return out;
}

bool exclude_each_other(const ListenAddress& one, const ListenAddress& other) {
  if (one.is_local() || other.is_local()) return one.path == other.path;
  const io::Address &a = one.address, &b = other.address;
  if (one.transport != other.transport || a.port != b.port || a.port == 0) return false;
  return a == b || stands_for(a, b) || stands_for(b, a);
}

void ListenAddresses::add(const ListenAddress& where) {
  RUNNEL_ASSERT(count_ < listen_max);
  addresses_[count_++] = where;
}

std::size_t ListenAddresses::count_secure() const {
  return static_cast<std::size_t>(std::count_if(
      all().begin(), all().end(), [](const ListenAddress& each) { return each.secure; }));
}

ListenAddresses ListenAddresses::only(io::Transport transport) const {
  ListenAddresses chosen;
  for (const ListenAddress& each : all())
    if (each.transport == transport) chosen.add(each);
  return chosen;
}

Parsed parse_listen(std::string_view text, Transports allowed) {
  for (const auto transport : {io::Transport::tcp, io::Transport::udp})
    if (text.starts_with(local_scheme_of(transport))) return parse_local(text, transport, allowed);
  if (net::is_local_path(text))
    return tl::unexpected(concat("\"", text, "\" is a path: write \"",
                                 allowed == Transports::udp ? "unixgram:" : "unix:", text, "\""));
  std::optional<io::Transport> transport;
  bool secure = false;
  std::string_view address = text;
  if (const auto slashes = text.find("://"); slashes != std::string_view::npos) {
    const std::string_view scheme = text.substr(0, slashes);
    address = text.substr(slashes + 3);
    for (const auto known : {io::Transport::tcp, io::Transport::udp})
      if (scheme == name_of(known)) transport = known;
    if (scheme == secure_name) {
      transport = io::Transport::tcp;
      secure = true;
    }
    if (!transport)
      return tl::unexpected(
          concat("\"", text, "\" begins with \"", scheme, "://\": what can be listened on is ",
                 allowed == Transports::tcp   ? "tcp://, tls:// and unix:"
                 : allowed == Transports::udp ? "udp:// and unixgram:"
                                              : "udp://, tcp://, tls://, unix: and unixgram:"));
  } else if (allowed == Transports::both) {
    return tl::unexpected(concat("\"", text, "\" does not say how: write \"udp://", text,
                                 "\", \"tcp://", text, "\", or both"));
  }
  if (transport && !allows(allowed, *transport))
    return tl::unexpected(concat("\"", text, "\": this source listens on ",
                                 allowed == Transports::tcp ? "tcp only" : "udp only"));
  const auto parsed = io::parse_address(address);
  if (!parsed) return tl::unexpected(address_advice(address));
  const auto standard = allowed == Transports::udp ? io::Transport::udp : io::Transport::tcp;
  return ListenAddress{transport.value_or(standard), *parsed, secure};
}

pipeline::Checked<ListenAddresses> listen_addresses(const pipeline::OptionValues& values,
                                                    Transports allowed) {
  const auto& texts = values.texts("listen");
  if (texts.empty()) return pipeline::wrong("listen", "is empty: name at least one address");
  if (texts.size() > listen_max)
    return pipeline::wrong("listen", concat("has ", texts.size(), " addresses; a source takes ",
                                            listen_max, ": use another source for the rest"));
  const auto mode = socket_mode_from(values);
  if (!mode) return tl::unexpected(mode.error());
  bool any_local = false;
  ListenAddresses addresses;
  for (const std::string& text : texts) {
    auto where = parse_listen(text, allowed);
    if (!where) return pipeline::wrong("listen", where.error());
    if (where->is_local()) {
      any_local = true;
      where->mode = *mode;
    }
    for (const ListenAddress& other : addresses.all()) {
      if (!exclude_each_other(other, *where)) continue;
      if (other == *where) return pipeline::wrong("listen", concat("has ", *where, " twice"));
      return pipeline::wrong(
          "listen", concat("has ", other, " and ", *where, "; give each its own port or address"));
    }
    addresses.add(*where);
  }
  if (!any_local && *mode != io::ListenOptions().mode)
    return pipeline::wrong("socket_mode", "is set, but nothing in listen begins with unix");
  return addresses;
}

}  // namespace runnel::sources
