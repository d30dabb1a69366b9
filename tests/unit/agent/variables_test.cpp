// Goal: variables mean what a shell user expects, and wrong ones are explained. Method: tables of
// texts against a small environment.
#include "agent/variables.hpp"

#include <doctest/doctest.h>

using namespace runnel;
using namespace runnel::agent;

namespace {

const auto environment = [](const std::string& name) -> std::optional<std::string> {
  if (name == "HOME") return "/root";
  if (name == "_x1") return "under";
  if (name == "EMPTY") return "";
  if (name == "TRICK") return "${HOME}";
  return std::nullopt;
};

std::string expanded(std::string_view text) {
  const auto result = expand_variables(text, environment);
  return result ? result->text : "wrong: " + result.error();
}

}  // namespace

TEST_CASE("variables: right ones") {
  struct Case {
    const char *text, *expected;
  };
  constexpr Case cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"${HOME}", "/root"},
      {"a${HOME}b${_x1}c", "a/rootbunderc"},
      {"${NOT:-standard}", "standard"},
      {"${HOME:-standard}", "/root"},
      {"${EMPTY:-standard}", "standard"},
      {"${EMPTY}", ""},
      {"${NOT:-}", ""},
      {"${NOT:-a:-b}", "a:-b"},
      {"$${HOME}", "${HOME}"},
      {"$${HOME}${HOME}", "${HOME}/root"},
      {"$$${HOME}", "$${HOME}"},
      {"$HOME $ $$ {x} }", "$HOME $ $$ {x} }"},
      {"${TRICK}", "${HOME}"},  // what comes in is not looked into
  };
  for (const Case& each : cases) CHECK_MESSAGE(expanded(each.text) == each.expected, each.text);
}

TEST_CASE("variables: wrong ones") {
  struct Case {
    const char *text, *expected;
  };
  constexpr Case cases[] = {
      {"${NOT}",
       "wrong: names the variable NOT, which is not set; set it, or write "
       "${NOT:-standard}"},
      {"x${HOME", "wrong: has \"${\" without \"}\"; write $${ for a literal ${"},
      {"${}",
       "wrong: has \"${}\", which names no variable; write ${NAME}, ${NAME:-standard}, or "
       "$${ for a literal ${"},
      {"${A-B}",
       "wrong: has \"${A-B}\", which names no variable; write ${NAME}, "
       "${NAME:-standard}, or $${ for a literal ${"},
      {"${A:-${HOME}}", "wrong: has a variable inside ${A}; variables do not nest"},
  };
  for (const Case& each : cases) CHECK_MESSAGE(expanded(each.text) == each.expected, each.text);
  std::string bomb;
  while (bomb.size() < 7000) bomb += "${HOME}";
  CHECK(expanded(bomb) == "wrong: is longer than 4096 bytes");
}

TEST_CASE("variables: whether something was replaced") {
  CHECK_FALSE(expand_variables("$${HOME}", environment)->replaced);
  CHECK(expand_variables("${EMPTY}", environment)->replaced);
}
