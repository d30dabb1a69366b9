// The two files by which a machine says how names are found: resolv.conf(5) and hosts(5), line by
// line. What cannot be read is passed over, as the C library does.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "io/address.hpp"
#include "net/host_name.hpp"

namespace runnel::net {

// Of resolv.conf: `nameserver`, `search`, `domain` (the later of the two counts) and `ndots` of
// `options`. Other options are the C library's own affair.
struct NameSettings {
  static constexpr std::size_t servers_max = 3;  // as the C library
  static constexpr std::size_t search_max = 6;
  static constexpr std::uint32_t ndots_max = 15;

  struct Server {
    io::Address address;
    std::array<char, 16> interface = {};  // of "fe80::1%eth0"; zero-terminated
  };
  std::array<Server, servers_max> servers;
  std::size_t server_count = 0;
  std::array<HostName, search_max> search;
  std::size_t search_count = 0;
  std::uint32_t ndots = 1;

  void read_line(std::string_view line);
};

// The names that are asked for one after the other when somebody looks for `name`: with as many
// dots as `ndots` itself first, else the search domains first; with a dot at its end itself alone.
// False: there is no number `index`. What would be longer than a name can be comes out empty.
bool candidate(const NameSettings& settings, std::string_view name, std::size_t index,
               Text<256>& into);

// The address in a line of the hosts file, if the line names `name` (lower case, no dot at its
// end).
std::optional<io::Address> hosts_line_names(std::string_view line, std::string_view name);

}  // namespace runnel::net
