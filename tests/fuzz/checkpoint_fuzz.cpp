// A tail's checkpoint: hostile text is refused or gives positions that, written again, read the
// same; nothing is handed out of a text that its last line does not vouch for; any damaged bit is
// noticed.
#include "base/crc32c.hpp"
#include "sources/tail/glob.hpp"
#include "sources/tail/positions.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using namespace runnel::sources::tail;

namespace {

struct Position {
  std::uint64_t device, inode, offset;
  Fingerprint fingerprint;
  std::string path;
  bool operator==(const Position&) const = default;
};
struct Read {
  PositionsRead outcome;
  std::vector<Position> positions;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view text) {
  const fuzz::Exact exact(text);
  Read read;
  read.outcome = read_positions(exact.text(), [&](const SavedPosition& position) {
    FUZZ_CHECK(position.path.starts_with('/') && position.path.size() <= path_bytes_max);
    FUZZ_CHECK(position.fingerprint.bytes <= Fingerprint::bytes_max);
    read.positions.push_back({position.device, position.inode, position.offset,
                              position.fingerprint, std::string(position.path)});
    return true;
  });
  FUZZ_CHECK(read.outcome == PositionsRead::whole || read.positions.empty());
  return read;
}

std::string written(const std::vector<Position>& positions) {
  std::vector<char> room((positions.size() + 2) * position_line_bytes_max);
  TextWriter out{std::span<char>(room)};
  write_first_line(out);
  for (const Position& each : positions) {
    const std::size_t before = out.size();
    write_position(out, {each.device, each.inode, each.fingerprint, each.offset, each.path});
    FUZZ_CHECK(out.size() - before <= position_line_bytes_max);
  }
  write_last_line(out, positions.size(), crc32c(as_bytes(out.text())));
  FUZZ_CHECK(!out.cut());
  return std::string(out.text());
}

// The text with a last line that vouches for it: what a fuzzer would not find by itself.
std::string vouched(std::string_view body) {
  std::string text(body);
  if (!text.ends_with('\n')) text += '\n';
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  Text<64> last;
  write_last_line(last, lines - 1, crc32c(as_bytes(text)));
  return text.append(last.text());
}

void check_round_trip(fuzz::Input& input) {
  std::vector<Position> positions;
  while (!input.empty() && positions.size() < 8) {
    Position each{};
    each.device = input.word();
    each.inode = std::uint64_t{input.word()} << 48 | input.word();
    each.offset = input.word() * UINT64_C(0x1'0001'0001'0001);
    each.fingerprint.bytes = static_cast<std::uint16_t>(input.word() % 257);
    each.fingerprint.crc = std::uint32_t{input.word()} << 16 | input.word();
    each.path = "/" + std::string(input.take(std::min<std::size_t>(input.word(), 1022)));
    positions.push_back(each);
  }
  std::string text = written(positions);
  FUZZ_CHECK((read(text) == Read{PositionsRead::whole, positions}));
  const std::size_t bit = input.word() % (text.size() * 8);
  text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  FUZZ_CHECK(read(text).outcome != PositionsRead::whole);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t kind = input.byte();
  if (kind % 3 == 2) {
    check_round_trip(input);
    return 0;
  }
  const std::string_view text = input.rest();
  const Read found = read(kind % 3 == 0 ? std::string(text) : vouched(text));
  if (found.outcome == PositionsRead::whole) FUZZ_CHECK(read(written(found.positions)) == found);
  return 0;
}
