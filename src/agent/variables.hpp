// Environment variables in the values of the configuration: `${NAME}`, `${NAME:-standard}` (taken
// when NAME is unset or empty, as in a shell), and `$${` for a literal `${`. A `$` before anything
// else is itself. Replacements are not looked into again, so variables do not nest. Start-up only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/function_ref.hpp"

namespace runnel::agent {

inline constexpr std::size_t expanded_bytes_max = 4096;

// What the environment says; nothing: unset.
using VariableLookup = FunctionRef<std::optional<std::string>(const std::string& name)>;

struct Expanded {
  std::string text;
  bool replaced = false;  // at least one variable was in it
};
// The failure is a sentence without its subject: "names the variable X, which is not set; ...".
tl::expected<Expanded, std::string> expand_variables(std::string_view text,
                                                     const VariableLookup& environment);

}  // namespace runnel::agent
