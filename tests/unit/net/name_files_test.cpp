// Goal: resolv.conf and hosts are read as the C library reads them, and what cannot be read is
// passed over. Method: lines as they are found, wrong ones, one more than each limit.
#include "net/name_files.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace runnel;
using net::NameSettings;

namespace {

NameSettings read(const std::vector<std::string>& lines) {
  NameSettings settings;
  for (const std::string& line : lines) settings.read_line(line);
  return settings;
}

std::string servers(const NameSettings& settings) {
  Text<512> out;
  for (std::size_t index = 0; index < settings.server_count; ++index) {
    io::write_ip(out << (index > 0 ? " " : ""), settings.servers[index].address);
    if (settings.servers[index].interface[0] != '\0')
      out << '%' << settings.servers[index].interface.data();
  }
  return std::string(out.text());
}

std::string search(const NameSettings& settings) {
  std::string out;
  for (std::size_t index = 0; index < settings.search_count; ++index)
    out += (index > 0 ? " " : "") + std::string(settings.search[index].text());
  return out;
}

std::vector<std::string> candidates(const NameSettings& settings, std::string_view name) {
  std::vector<std::string> all;
  Text<256> each;
  while (net::candidate(settings, name, all.size(), each)) all.emplace_back(each.text());
  return all;
}

std::string found(std::string_view line, std::string_view name) {
  const auto address = net::hosts_line_names(line, name);
  if (!address) return "no";
  Text<64> out;
  io::write_ip(out, *address);
  return std::string(out.text());
}

}  // namespace

TEST_CASE("resolv.conf: servers") {
  CHECK(servers(read({"nameserver 192.0.2.1", "nameserver\t2001:db8::1 # x",
                      "  nameserver fe80::1%eth0"})) == "192.0.2.1 2001:db8::1 fe80::1%eth0");
  CHECK(servers(read({"nameserver", "nameserver x", "nameservers 192.0.2.1", "# nameserver 1.1.1.1",
                      ";nameserver 1.1.1.1", "nameserver 192.0.2.1:53", ""}))
            .empty());
  CHECK(servers(read({"nameserver fe80::1%a-very-long-interface"})).empty());
  CHECK(servers(read({"nameserver 192.0.2.1", "nameserver 192.0.2.2", "nameserver 192.0.2.3",
                      "nameserver 192.0.2.4"})) == "192.0.2.1 192.0.2.2 192.0.2.3");
}

TEST_CASE("resolv.conf: search domains, the later line counts") {
  CHECK(search(read({"search A.example b.example."})) == "a.example b.example");
  CHECK(search(read({"search a.example", "domain b.example c.example"})) == "b.example");
  CHECK(search(read({"domain b.example", "search a.example c.example"})) == "a.example c.example");
  CHECK(search(read({"search a b c d e f g"})) == "a b c d e f");
  CHECK(search(read({"search . a..b x.example"})) == "x.example");
}

TEST_CASE("resolv.conf: ndots") {
  CHECK(read({}).ndots == 1);
  CHECK(read({"options rotate ndots:3 timeout:1"}).ndots == 3);
  CHECK(read({"options ndots:0"}).ndots == 0);
  CHECK(read({"options ndots:99"}).ndots == 15);
  CHECK(read({"options ndots:", "options ndots:-1", "options ndots:x"}).ndots == 1);
}

TEST_CASE("names that are asked for, in their order") {
  const NameSettings plain = read({});
  CHECK(candidates(plain, "a") == std::vector<std::string>{"a"});
  const NameSettings two = read({"search one two"});
  CHECK(candidates(two, "a") == std::vector<std::string>{"a.one", "a.two", "a"});
  CHECK(candidates(two, "a.b") == std::vector<std::string>{"a.b", "a.b.one", "a.b.two"});
  CHECK(candidates(two, "a.") == std::vector<std::string>{"a."});
  const NameSettings dots = read({"search one", "options ndots:2"});
  CHECK(candidates(dots, "a.b") == std::vector<std::string>{"a.b.one", "a.b"});
  CHECK(candidates(dots, "a.b.c") == std::vector<std::string>{"a.b.c", "a.b.c.one"});
  const std::string fits(249, 'x');
  CHECK(candidates(two, fits)[0] == fits + ".one");
  CHECK(candidates(two, fits + "x")[0].empty());
}

TEST_CASE("hosts: a line names whom it names") {
  constexpr std::string_view line = "192.0.2.1 Gateway\tgw.example. # other";
  CHECK(found(line, "gateway") == "192.0.2.1");
  CHECK(found(line, "gw.example") == "192.0.2.1");
  CHECK(found(line, "other") == "no");
  CHECK(found(line, "gate") == "no");
  CHECK(found(line, "192.0.2.1") == "no");
  CHECK(found("fe80::1%eth0 router", "router") == "fe80::1");
  CHECK(found("x gateway", "gateway") == "no");
  CHECK(found("gateway", "gateway") == "no");
  CHECK(found("#192.0.2.1 gateway", "gateway") == "no");
  CHECK(found("", "gateway") == "no");
}
