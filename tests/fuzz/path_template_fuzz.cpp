// A path template, whatever its pattern and whatever its headers say, gives paths that stay below
// their folder at their depth, are never too long, and are recognised again, with a number as
// without.
#include "sinks/file/path_template.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using namespace runnel::sinks;

namespace {

constexpr std::size_t component_bytes_max = 255;

void check_components(std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    FUZZ_CHECK(end <= component_bytes_max && path.substr(0, end) != "..");
    path.remove_prefix(std::min(end + 1, path.size()));
  }
}

void check_path(const PathTemplate& pattern, std::string_view path) {
  const std::string folder(pattern.folder() == "/" ? "" : pattern.folder());
  FUZZ_CHECK(path.starts_with(folder + "/"));
  const std::string_view below = path.substr(folder.size() + 1);
  FUZZ_CHECK(static_cast<std::size_t>(std::count(below.begin(), below.end(), '/')) ==
             pattern.folders_below());
  FUZZ_CHECK(!path.ends_with('/'));
  check_components(path);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto time =
      WallTime(std::chrono::seconds(std::uint32_t{input.word()} << 16 | input.word()));
  const std::uint32_t number = input.word() % path_number_max + 1;
  const fuzz::Exact text(input.until('\n'));
  const auto pattern = PathTemplate::parse(text.text());
  if (!pattern) {
    FUZZ_CHECK(!pattern.error().empty());
    return 0;
  }
  HeaderValues values;
  for (HeaderValue& value : values) {
    const fuzz::Exact raw(input.until('\n'));
    value.assign(raw.text(), pattern->value_bytes_max());
    FUZZ_CHECK(value.size > 0 && value.size <= pattern->value_bytes_max());
    FUZZ_CHECK(value.view().find('/') == std::string_view::npos);
    FUZZ_CHECK(value.view().find("..") == std::string_view::npos);
  }
  PathText plain;
  pattern->write(plain, time, values);
  check_path(*pattern, plain.text());
  FUZZ_CHECK(pattern->matches(plain.text()));
  PathText numbered;
  write_numbered(numbered, plain.text(), number);
  numbered << broken_ending;
  FUZZ_CHECK(!numbered.cut());
  check_path(*pattern, numbered.text());
  const std::string_view shorter =
      numbered.text().substr(0, numbered.size() - broken_ending.size());
  FUZZ_CHECK(pattern->matches(shorter));
  const fuzz::Exact other(input.rest());
  (void)pattern->matches(other.text());
  return 0;
}
