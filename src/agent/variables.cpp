#include "agent/variables.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace runnel::agent {
namespace {

tl::unexpected<std::string> refuse(std::string text) { return tl::unexpected(std::move(text)); }

bool is_name(std::string_view text) {
  constexpr std::string_view first = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  constexpr std::string_view further =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  return !text.empty() && text.size() <= 128 && first.find(text.front()) != first.npos &&
         text.find_first_not_of(further) == text.npos;
}

constexpr std::string_view file_prefix = "file:";

tl::expected<std::string, std::string> content_of(std::string_view path, const FileLookup& files) {
  if (!path.starts_with('/'))
    return refuse(concat("names the file \"", path, "\", which does not begin with /"));
  if (path.find("${") != path.npos)
    return refuse("has a variable inside ${file:...}; variables do not nest");
  auto content = files(std::string(path));
  if (!content) return refuse(concat("names the file ", path, ": ", content.error()));
  // As an editor or `echo` leaves it.
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  if (content->empty()) return refuse(concat("names the file ", path, ", which is empty"));
  return content;
}

// `inside` stands between the braces.
tl::expected<std::string, std::string> value_of(std::string_view inside,
                                                const VariableLookup& environment) {
  const std::size_t dash = inside.find(":-");
  const std::string_view name = inside.substr(0, dash);
  if (!is_name(name))
    return refuse(concat("has \"${", inside, "}\", which names no variable; write ${NAME}, ",
                         "${NAME:-standard}, ${file:/PATH}, or $${ for a literal ${"));
  if (inside.find("${") != inside.npos)
    return refuse(concat("has a variable inside ${", name, "}; variables do not nest"));
  std::optional<std::string> value = environment(std::string(name));
  if (dash != inside.npos) {
    const bool usable = value.has_value() && !value->empty();
    return usable ? std::move(*value) : std::string(inside.substr(dash + 2));
  }
  if (value.has_value()) return std::move(*value);
  return refuse(concat("names the variable ", name, ", which is not set; set it, or write ${", name,
                       ":-standard}"));
}

}  // namespace

tl::expected<Expanded, std::string> expand_variables(std::string_view text,
                                                     const VariableLookup& environment,
                                                     const FileLookup& files) {
  Expanded result;
  while (!text.empty()) {
    const std::size_t dollar = std::min(text.find("${"), text.size());
    const bool escaped = dollar > 0 && dollar < text.size() && text[dollar - 1] == '$';
    if (escaped) {  // "$${": the first dollar goes, the rest stays
      result.text += text.substr(0, dollar - 1);
      result.text += "${";
      text.remove_prefix(dollar + 2);
      continue;
    }
    result.text += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    const std::size_t brace = text.find('}');
    if (brace == text.npos) return refuse("has \"${\" without \"}\"; write $${ for a literal ${");
    const std::string_view inside = text.substr(2, brace - 2);
    const bool is_file = inside.starts_with(file_prefix);
    auto value = is_file ? content_of(inside.substr(file_prefix.size()), files)
                         : value_of(inside, environment);
    if (!value) return refuse(std::move(value.error()));
    if (is_file) result.secrets.push_back(*value);
    result.text += *value;
    result.replaced = true;
    text.remove_prefix(brace + 1);
    if (result.text.size() > expanded_bytes_max) break;
  }
  if (result.text.size() > expanded_bytes_max)
    return refuse(concat("is longer than ", expanded_bytes_max, " bytes"));
  return result;
}

}  // namespace runnel::agent
