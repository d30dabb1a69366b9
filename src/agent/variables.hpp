// Environment variables in the values of the configuration: `${NAME}`, `${NAME:-standard}` (taken
// when NAME is unset or empty, as in a shell), and `$${` for a literal `${`; and `${file:/PATH}`,
// what a file holds, without the newline at its end: for secrets. A `$` before anything else is
// itself. Replacements are not looked into again, so variables do not nest. Start-up only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/function_ref.hpp"

namespace runnel::agent {

inline constexpr std::size_t expanded_bytes_max = 4096;

// What the environment says; nothing: unset.
using VariableLookup = FunctionRef<std::optional<std::string>(const std::string& name)>;

// What a file holds, `expanded_bytes_max` bytes at most; the failure says why not.
using FileLookup = FunctionRef<tl::expected<std::string, std::string>(const std::string& path)>;
inline constexpr auto no_files = [](const std::string&) -> tl::expected<std::string, std::string> {
  return tl::unexpected<std::string>("files are not read here");
};

struct Expanded {
  std::string text;
  bool replaced = false;             // at least one variable was in it
  std::vector<std::string> secrets;  // what came out of files: not to be shown
};
// The failure is a sentence without its subject: "names the variable X, which is not set; ...".
tl::expected<Expanded, std::string> expand_variables(std::string_view text,
                                                     const VariableLookup& environment,
                                                     const FileLookup& files = no_files);

}  // namespace runnel::agent
