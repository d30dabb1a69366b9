// A file of dead letters: whatever its bytes, in windows of any size, each letter found is written
// again to the same bytes, and what is passed over adds up.
#include <algorithm>

#include "base/crc32c.hpp"
#include "pipeline/dead_letter.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {

// What a fuzzer would not find by itself: the checksum of whatever begins as a letter does.
std::string vouched(std::string_view text) {
  std::string file(text);
  for (std::size_t at = 0; at + DeadLetter::head_bytes <= file.size(); at += 8) {
    const Bytes rest = as_bytes(file).subspan(at);
    const auto size = load<std::uint32_t>(rest.data() + 4);
    if (as_text(rest.first(4)) != "RDL1" || size < DeadLetter::head_bytes || size > rest.size())
      continue;
    const std::uint32_t sum = crc32c(rest.subspan(12, size - 12), crc32c(rest.first(8)));
    std::memcpy(file.data() + at + 8, &sum, sizeof(sum));
  }
  return file;
}

void walk(std::string_view file, std::size_t window) {
  DeadLetterReader reader(file.size(), window);
  std::uint64_t letter_bytes = 0, letters = 0;
  std::vector<std::byte> again;
  for (auto step = reader.next(); step != DeadLetterReader::Step::end; step = reader.next()) {
    if (step == DeadLetterReader::Step::read) {
      FUZZ_CHECK(reader.read_at() < file.size() && !reader.room().empty());
      const auto rest = as_bytes(file).subspan(static_cast<std::size_t>(reader.read_at()));
      const std::size_t count = std::min(rest.size(), reader.room().size());
      std::copy_n(rest.begin(), count, reader.room().begin());
      reader.filled(count);
      continue;
    }
    const DeadLetter& letter = reader.letter();
    const std::size_t size = letter.bytes();
    ++letters;
    letter_bytes += size;
    again.assign(size, std::byte{0xEE});
    write_dead_letter(again.data(), letter);
    FUZZ_CHECK(as_text(again) ==
               file.substr(static_cast<std::size_t>(reader.whole_end()) - size, size));
    std::size_t listed = 0;
    letter.headers.each([&](std::string_view key, std::string_view value) {
      listed += Headers::entry_overhead + key.size() + value.size();
    });
    FUZZ_CHECK(listed == letter.headers.encoded().size());
  }
  FUZZ_CHECK(letters == reader.letters());
  FUZZ_CHECK(letter_bytes + reader.damaged_bytes() == reader.whole_end());
  FUZZ_CHECK(reader.whole_end() <= file.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t window = input.word();
  const std::string_view text = input.rest();
  walk(text, window);
  walk(vouched(text), window);
  const std::string first = vouched(text.substr(0, text.find("RDL1", 1)));
  const fuzz::Exact exact(first);
  (void)look_at_dead_letter(exact.bytes(), exact.bytes().size());
  return 0;
}
