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

const auto files = [](const std::string& path) -> tl::expected<std::string, std::string> {
  if (path == "/token") return "open-sesame\n";
  if (path == "/bare") return "open-sesame";
  if (path == "/dos") return "open-sesame\r\n";
  if (path == "/lines") return "one\n\ntwo\n\n";
  if (path == "/empty") return "\n";
  if (path == "/trick") return "${HOME}";
  if (path == "/large") return std::string(4096, 'x');
  return tl::unexpected<std::string>("no such file");
};

std::string expanded(std::string_view text) {
  const auto result = expand_variables(text, environment, files);
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
       "wrong: has \"${}\", which names no variable; write ${NAME}, ${NAME:-standard}, "
       "${file:/PATH}, or $${ for a literal ${"},
      {"${A-B}",
       "wrong: has \"${A-B}\", which names no variable; write ${NAME}, "
       "${NAME:-standard}, ${file:/PATH}, or $${ for a literal ${"},
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

TEST_CASE("variables: what files hold") {
  CHECK(expanded("${file:/token}") == "open-sesame");
  CHECK(expanded("${file:/bare}") == "open-sesame");
  CHECK(expanded("${file:/dos}") == "open-sesame");
  CHECK(expanded("Bearer ${file:/token}, ${HOME}") == "Bearer open-sesame, /root");
  CHECK(expanded("${file:/lines}") == "one\n\ntwo\n");
  CHECK(expanded("$${file:/token}") == "${file:/token}");
  CHECK(expanded("${file:/trick}") == "${HOME}");
  CHECK(expanded("${file:/large}") == std::string(4096, 'x'));

  CHECK(expanded("${file:/none}") == "wrong: names the file /none: no such file");
  CHECK(expanded("${file:/empty}") == "wrong: names the file /empty, which is empty");
  CHECK(expanded("${file:token}") ==
        "wrong: names the file \"token\", which does not begin with /");
  CHECK(expanded("${file:/${HOME}}") ==
        "wrong: has a variable inside ${file:...}; variables do not nest");
  CHECK(expanded("${file:}") == "wrong: names the file \"\", which does not begin with /");
  CHECK(expanded("x${file:/large}") == "wrong: is longer than 4096 bytes");

  const auto result = expand_variables("a${file:/token}${HOME}", environment, files);
  CHECK(result->replaced);
  CHECK(result->secrets == std::vector<std::string>{"open-sesame"});
  CHECK(expand_variables("${file:/token}", environment).error() ==
        "names the file /token: files are not read here");
}
