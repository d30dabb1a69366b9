// TOML 1.0 text into a tree that keeps where everything stood. toml++ is used behind this header
// only. Start-up only: it allocates. Hostile text is bounded: the whole by
// `configuration_bytes_max`, a line by `line_bytes_max`, nesting by `depth_max`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace runnel::agent {

inline constexpr std::size_t configuration_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t line_bytes_max = 4096;
inline constexpr std::size_t depth_max = 8;

struct Place {
  std::uint32_t line = 0;  // from 1; 0: the file as a whole
  std::uint32_t column = 0;
};

struct Field;

struct Node {
  enum class Kind : std::uint8_t { text, number, fraction, boolean, moment, list, table };
  Kind kind = Kind::table;
  Place place;
  std::string text;
  std::int64_t number = 0;
  bool boolean = false;
  bool from_variable = false;  // a text in which a variable was replaced
  bool secret = false;         // a text that came out of a file: not to be shown
  bool broken = false;         // has been complained about; says nothing any more
  std::vector<Node> items;     // of a list
  std::vector<Field> fields;   // of a table, in the order of the file

  const Field* find(std::string_view name) const;
};

struct Field {
  std::string name;
  Place place;  // of the name
  Node value;
};

// "a text", "a whole number": for messages.
std::string_view describe(Node::Kind kind);

struct SyntaxError {
  Place place;
  std::string text;
};
tl::expected<Node, SyntaxError> read_toml(std::string_view text);

}  // namespace runnel::agent
