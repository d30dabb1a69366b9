#include "sources/tail/family.hpp"

#include <algorithm>

#include "sources/tail/file_table.hpp"

namespace runnel::sources::tail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_separator(char c) { return c == '.' || c == '-' || c == '_'; }

}  // namespace

std::string_view family_of(std::string_view path) {
  const std::size_t name_at = path.rfind('/') + 1;
  std::size_t from = path.size();
  while (from > name_at &&
         (is_digit(path[from - 1]) || is_separator(path[from - 1]) || path[from - 1] == ':'))
    --from;
  while (from + 1 < path.size() && !(is_separator(path[from]) && is_digit(path[from + 1]))) ++from;
  const bool rotated = from + 1 < path.size();
  const std::string_view family = rotated ? path.substr(0, from) : path;
  const std::string_view name = family.substr(name_at);
  return std::any_of(name.begin(), name.end(), is_letter) ? family : std::string_view();
}

std::uint64_t hash_of_family(std::string_view path) {
  const std::string_view family = family_of(path);
  return family.empty() ? 0 : hash_of(family);
}

}  // namespace runnel::sources::tail
