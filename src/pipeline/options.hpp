// The option tables: the single source for parsing, defaults, `runnel list` and the tables in the
// documentation. Nested TOML tables are dotted names: `batch.max_bytes`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace runnel::pipeline {

enum class OptionType : std::uint8_t { text, texts, boolean, number, size, duration };
std::string_view name_of(OptionType type);

struct Option {
  std::string_view name;
  OptionType type;
  std::string_view standard;  // as it would stand in the file, without quotes; of texts: "a, b"
  std::string_view help;      // one line
  bool required = false;
  std::string_view choices = {};  // text: "block|drop_newest|drop_oldest"
  // number; size in bytes; duration in nanoseconds
  std::uint64_t minimum = 0;
  std::uint64_t maximum = UINT64_MAX;
};

// The checked values of one component, standard ones filled in. Start-up only. Asking for a name or
// a type that is not in the table is a broken invariant.
class OptionValues {
 public:
  using Value = std::variant<std::string, std::vector<std::string>, bool, std::uint64_t, Duration>;

  void set(std::string_view name, Value value) {
    values_.insert_or_assign(std::string(name), value);
  }
  const std::string& text(std::string_view name) const { return get<std::string>(name); }
  const std::vector<std::string>& texts(std::string_view name) const {
    return get<std::vector<std::string>>(name);
  }
  bool boolean(std::string_view name) const { return get<bool>(name); }
  std::uint64_t number(std::string_view name) const { return get<std::uint64_t>(name); }
  // On a 32-bit machine what does not fit becomes the largest there is: memory_limit = "8GiB" is a
  // limit that nothing reaches. Sizes of files are `number`s: they may be larger than memory.
  std::size_t size(std::string_view name) const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(get<std::uint64_t>(name), SIZE_MAX));
  }
  Duration duration(std::string_view name) const { return get<Duration>(name); }
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  // Whether both have the same value for it, or none.
  bool same(const OptionValues& other, std::string_view name) const {
    const auto mine = values_.find(name), its = other.values_.find(name);
    if (mine == values_.end() || its == other.values_.end())
      return mine == values_.end() && its == other.values_.end();
    return mine->second == its->second;
  }

 private:
  template <class T>
  const T& get(std::string_view name) const {
    const auto found = values_.find(name);
    RUNNEL_ASSERT(found != values_.end() && std::holds_alternative<T>(found->second));
    return std::get<T>(found->second);
  }
  std::map<std::string, Value, std::less<>> values_;
};

// Checks `text` against the option (type, choices, range). The failure says what is wrong with it,
// without naming the option: "is not a size such as \"4MiB\"".
tl::expected<OptionValues::Value, std::string> parse_option(const Option& option,
                                                            std::string_view text);
// Fills in what is not set. Required ones without a value are the caller's complaint.
void fill_standard(std::span<const Option> options, OptionValues& values);

// Whether somebody has chosen another value than the standard one.
bool is_chosen(const OptionValues& values, const Option& option);

// A component's complaint about a combination of values: which option, and what to do.
struct OptionProblem {
  std::string option;
  std::string text;
};
template <class T>
using Checked = tl::expected<T, OptionProblem>;
inline tl::unexpected<OptionProblem> wrong(std::string_view option, std::string text) {
  return tl::unexpected<OptionProblem>({std::string(option), std::move(text)});
}

}  // namespace runnel::pipeline
