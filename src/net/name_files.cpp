#include "net/name_files.hpp"

#include <algorithm>

#include "net/numeric_resolver.hpp"

namespace runnel::net {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Takes the next word off the front; empty at the end.
std::string_view take_word(std::string_view& line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  const auto end = std::find_if(line.begin(), line.end(), is_blank);
  const std::string_view word(line.data(), static_cast<std::size_t>(end - line.begin()));
  line.remove_prefix(word.size());
  return word;
}

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

void add_server(NameSettings& settings, std::string_view word) {
  if (settings.server_count == NameSettings::servers_max) return;
  NameSettings::Server server;
  const auto percent = std::min(word.find('%'), word.size());
  const std::string_view interface = word.substr(std::min(percent + 1, word.size()));
  const auto address = numeric_address(word.substr(0, percent), 0);
  if (!address || interface.size() >= server.interface.size()) return;
  server.address = *address;
  std::copy(interface.begin(), interface.end(), server.interface.begin());
  settings.servers[settings.server_count++] = server;
}

void set_search(NameSettings& settings, std::string_view words, std::size_t count_max) {
  settings.search_count = 0;
  while (settings.search_count < count_max) {
    const std::string_view word = take_word(words);
    if (word.empty()) return;
    if (const auto domain = HostName::from(without_dot(word)))
      settings.search[settings.search_count++] = *domain;
  }
}

void set_options(NameSettings& settings, std::string_view words) {
  constexpr std::string_view ndots = "ndots:";
  for (std::string_view word = take_word(words); !word.empty(); word = take_word(words)) {
    if (!word.starts_with(ndots)) continue;
    if (const auto number = parse_number(word.substr(ndots.size())))
      settings.ndots =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, NameSettings::ndots_max));
  }
}

}  // namespace

void NameSettings::read_line(std::string_view line) {
  line = line.substr(0, line.find_first_of("#;"));
  const std::string_view keyword = take_word(line);
  if (keyword == "nameserver") add_server(*this, take_word(line));
  if (keyword == "search") set_search(*this, line, search_max);
  if (keyword == "domain") set_search(*this, line, 1);
  if (keyword == "options") set_options(*this, line);
}

bool candidate(const NameSettings& settings, std::string_view name, std::size_t index,
               Text<256>& into) {
  into.clear();
  const std::size_t searched = name.ends_with('.') ? 0 : settings.search_count;
  if (index > searched) return false;
  const auto dots = static_cast<std::uint32_t>(std::count(name.begin(), name.end(), '.'));
  const std::size_t itself = dots >= settings.ndots ? 0 : searched;
  if (index == itself) {
    into << name;
    return true;
  }
  const std::string_view domain = settings.search[index - (itself == 0 ? 1 : 0)].text();
  if (name.size() + 1 + domain.size() <= HostName::bytes_max) into << name << '.' << domain;
  return true;
}

std::optional<io::Address> hosts_line_names(std::string_view line, std::string_view name) {
  line = line.substr(0, line.find('#'));
  const std::string_view ip = take_word(line);
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    const auto host = HostName::from(without_dot(word));
    if (!host || host->text() != name) continue;
    const auto address = numeric_address(ip.substr(0, ip.find('%')), 0);
    return address ? std::optional(*address) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace runnel::net
