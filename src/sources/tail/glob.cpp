#include "sources/tail/glob.hpp"

namespace runnel::sources::tail {
namespace {

// `[a-c]`, `[!abc]`: moves `at` behind the bracket. A bracket right after `[` or `[!` means itself.
bool in_brackets(std::string_view pattern, std::size_t& at, char c) {
  ++at;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const auto low = static_cast<unsigned char>(pattern[at++]);
    auto high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = static_cast<unsigned char>(pattern[at + 1]);
      at += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    found |= low <= byte && byte <= high;
  }
  if (at < pattern.size()) ++at;
  return found != negated;
}

// One byte of the name against what stands at `at`, which is moved behind it. Not for `*`.
bool one_matches(std::string_view pattern, std::size_t& at, char c) {
  if (pattern[at] == '?') {
    ++at;
    return true;
  }
  if (pattern[at] == '[') return in_brackets(pattern, at, c);
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  return pattern[at++] == c;
}

bool hidden(std::string_view name) { return name.starts_with('.'); }

bool brackets_close(std::string_view part) {
  for (std::size_t at = 0; at < part.size(); ++at) {
    if (part[at] == '\\') {
      ++at;
    } else if (part[at] == '[') {
      ++at;
      if (at < part.size() && (part[at] == '!' || part[at] == '^')) ++at;
      at = part.find(']', at + 1);
      if (at == std::string_view::npos) return false;
    }
  }
  return true;
}

}  // namespace

// Only the last star is ever tried again: whatever an earlier one could take, it could take too.
bool name_matches(std::string_view pattern, std::string_view name) {
  if (hidden(name) && !pattern.starts_with('.') && !pattern.starts_with("\\.")) return false;
  std::size_t at = 0, in_name = 0;
  std::size_t behind_star = std::string_view::npos, taken_to = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      behind_star = ++at;
      taken_to = in_name;
      continue;
    }
    if (at < pattern.size() && one_matches(pattern, at, name[in_name])) {
      ++in_name;
      continue;
    }
    if (behind_star == std::string_view::npos) return false;
    at = behind_star;
    in_name = ++taken_to;
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

// The same with parts for bytes and `**` for the star.
bool path_matches(std::string_view pattern, std::string_view path) {
  std::string_view behind_star, taken_to;
  bool starred = false;
  while (!path.empty()) {
    std::string_view rest = pattern;
    const auto part = take_part(rest);
    if (part == "**") {
      starred = true;
      pattern = behind_star = rest.empty() ? std::string_view("/*") : rest;
      taken_to = path;
      continue;
    }
    std::string_view rest_of_path = path;
    const auto name = take_part(rest_of_path);
    if (!part.empty() && name_matches(part, name)) {
      pattern = rest;
      path = rest_of_path;
      continue;
    }
    if (!starred || hidden(take_part(taken_to))) return false;
    path = taken_to;
    pattern = behind_star;
  }
  return pattern.empty();
}

bool may_lead_to(std::string_view pattern, std::string_view folder) {
  for (auto name = take_part(folder); !name.empty(); name = take_part(folder)) {
    const auto part = take_part(pattern);
    if (part == "**") return true;
    if (part.empty() || !name_matches(part, name)) return false;
  }
  return !pattern.empty();
}

bool is_literal(std::string_view part) {
  return part.find_first_of("*?[\\") == std::string_view::npos;
}

std::string_view pattern_problem(std::string_view pattern) {
  if (!pattern.starts_with('/')) return "is not an absolute path such as \"/var/log/*.log\"";
  if (pattern.ends_with('/')) return "ends with a slash: name files, such as \"/var/log/*.log\"";
  if (pattern.size() > path_bytes_max) return "is longer than 1023 bytes";
  if (pattern.find('\0') != std::string_view::npos) return "holds a zero byte";
  if (pattern.find("//") != std::string_view::npos) return "has two slashes in a row";
  std::size_t parts = 0;
  for (auto part = take_part(pattern); !part.empty(); part = take_part(pattern)) {
    if (++parts > pattern_parts_max) return "has more than 32 parts";
    if (part == "." || part == "..") return "has a \".\" or \"..\" in it: write the path out";
    if (part != "**" && part.find("**") != std::string_view::npos)
      return "has a \"**\" that is not a part of its own, as in \"/var/log/**/*.log\"";
    if (!brackets_close(part)) return "has a \"[\" without its \"]\"";
  }
  return {};
}

std::string_view take_part(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/")
                                                       : path.substr(0, slash);
}

}  // namespace runnel::sources::tail
