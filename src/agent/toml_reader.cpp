#include "agent/toml_reader.hpp"

#include <algorithm>

// Errors are values here, and what a line cannot nest deeper than cannot overflow the stack.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 8
// toml++ 3.3 asserts what hostile text makes untrue (a line break where a name has to come), and
// with NDEBUG lets clang assume it: undefined behaviour. Its code behind reports the error well.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include "base/text.hpp"

namespace runnel::agent {
namespace {

using Failed = tl::unexpected<SyntaxError>;

Failed refuse(Place place, std::string text) { return Failed(SyntaxError{place, std::move(text)}); }

Place place_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

Node make(Node::Kind kind, Place place) {
  Node node;
  node.kind = kind;
  node.place = place;
  return node;
}

bool before(const Field& a, const Field& b) {
  return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
}

tl::expected<Node, SyntaxError> convert(const toml::node& from, std::size_t depth);

tl::expected<Node, SyntaxError> convert_table(const toml::table& from, std::size_t depth) {
  Node table = make(Node::Kind::table, place_of(from.source()));
  for (const auto& [key, value] : from) {
    auto field = convert(value, depth + 1);
    if (!field) return field;
    table.fields.push_back({std::string(key.str()), place_of(key.source()), std::move(*field)});
  }
  std::sort(table.fields.begin(), table.fields.end(), before);
  return table;
}

tl::expected<Node, SyntaxError> convert_list(const toml::array& from, std::size_t depth) {
  Node list = make(Node::Kind::list, place_of(from.source()));
  for (const toml::node& each : from) {
    auto item = convert(each, depth + 1);
    if (!item) return item;
    list.items.push_back(std::move(*item));
  }
  return list;
}

tl::expected<Node, SyntaxError> convert(const toml::node& from, std::size_t depth) {
  const Place place = place_of(from.source());
  if (depth > depth_max)
    return refuse(place, concat("nested more than ", depth_max, " levels deep"));
  if (const toml::table* table = from.as_table()) return convert_table(*table, depth);
  if (const toml::array* list = from.as_array()) return convert_list(*list, depth);
  Node node = make(from.is_floating_point() ? Node::Kind::fraction : Node::Kind::moment, place);
  if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::text;
    node.text = text->get();
  } else if (const auto* number = from.as_integer()) {
    node.kind = Node::Kind::number;
    node.number = number->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
  }
  return node;
}

// toml++ frees nested tables recursively: a line of 100,000 dotted names would overflow the stack.
tl::expected<void, SyntaxError> check_sizes(std::string_view text) {
  if (text.size() > configuration_bytes_max)
    return refuse({}, concat("the file is larger than ", HumanSize{configuration_bytes_max},
                             "; a configuration is not"));
  for (std::uint32_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > line_bytes_max)
      return refuse({line, 1}, concat("the line is longer than ", line_bytes_max,
                                      " bytes; break the list over several lines"));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

}  // namespace

const Field* Node::find(std::string_view name) const {
  for (const Field& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

std::string_view describe(Node::Kind kind) {
  static constexpr std::string_view names[] = {
      "a text", "a whole number", "a fraction", "a boolean", "a date or time", "a list", "a table"};
  return names[static_cast<std::size_t>(kind)];
}

tl::expected<Node, SyntaxError> read_toml(std::string_view text) {
  if (const auto checked = check_sizes(text); !checked) return tl::unexpected(checked.error());
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return refuse(place_of(error.source()), concat("not valid TOML: ", error.description()));
  }
  return convert_table(parsed.table(), 0);
}

}  // namespace runnel::agent
