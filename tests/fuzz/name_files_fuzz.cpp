// Whatever stands in resolv.conf and hosts, within their limits: every name that comes of it is one
// that can be asked for. The first line is the name that is looked for.
#include "net/name_files.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto wanted = net::HostName::from(input.until('\n'));
  if (!wanted) return 0;
  FUZZ_CHECK(wanted->text().size() <= net::HostName::bytes_max);
  FUZZ_CHECK(net::HostName::from(wanted->text())->text() == wanted->text());
  net::NameSettings settings;
  while (!input.empty()) {
    const fuzz::Exact line(input.until('\n'));
    settings.read_line(line.text());
    const auto address = net::hosts_line_names(line.text(), wanted->text());
    FUZZ_CHECK(!address || address->family != io::Family::none);
  }
  FUZZ_CHECK(settings.server_count <= net::NameSettings::servers_max);
  FUZZ_CHECK(settings.search_count <= net::NameSettings::search_max);
  FUZZ_CHECK(settings.ndots <= net::NameSettings::ndots_max);
  for (std::size_t index = 0; index < settings.server_count; ++index)
    FUZZ_CHECK(settings.servers[index].interface.back() == '\0');
  Text<256> name;
  std::size_t count = 0, itself = 0;
  for (; net::candidate(settings, wanted->text(), count, name); ++count) {
    FUZZ_CHECK(name.text().size() <= net::HostName::bytes_max && !name.cut());
    FUZZ_CHECK(name.text().empty() || name.text().starts_with(wanted->text()));
    itself += name.text() == wanted->text();
  }
  FUZZ_CHECK(count <= net::NameSettings::search_max + 1 && itself == 1);
  return 0;
}
