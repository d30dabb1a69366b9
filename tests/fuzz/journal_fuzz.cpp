// A journal: hostile bytes, also under right checksums, are nothing or what they say, to the last
// byte; what is decoded and encoded again is the same, and no record reaches beyond its block.
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/crc32c.hpp"
#include "base/region.hpp"
#include "channels/journal/format.hpp"
#include "channels/journal/records.hpp"
#include "codec/decompressor.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using namespace runnel::channels::journal;

namespace {

Salt a_salt() {
  Salt salt;
  for (std::size_t index = 0; index < salt.size(); ++index)
    salt[index] = static_cast<std::byte>(0xA0 + index);
  return salt;
}
const Salt salt = a_salt();

// What a fuzzer would not find by itself: the checksum over what is there.
std::string vouched(std::string_view text, std::size_t crc_at, bool salted) {
  std::string page(text);
  page.resize(std::max(page.size(), crc_at + 4));
  const std::uint32_t crc =
      crc32c(as_bytes(std::string_view(page).substr(0, crc_at)), salted ? crc32c(Bytes(salt)) : 0);
  std::memcpy(page.data() + crc_at, &crc, sizeof(crc));
  return page;
}

// Written again, the first `bytes` of a page are the same: nothing in it was passed over.
void check_same(std::string_view page, Bytes again, std::size_t bytes) {
  FUZZ_CHECK(page.substr(0, bytes) == as_text(again.first(bytes)));
}

void check_pages(std::string_view text) {
  std::vector<std::byte> page(page_bytes);
  for (const std::string& each : {std::string(text), vouched(text, superblock_bytes - 4, false)}) {
    const fuzz::Exact exact(each);
    const auto superblock = decode_superblock(exact.bytes());
    if (!superblock) continue;
    FUZZ_CHECK(looks_like_a_journal(exact.bytes()));
    FUZZ_CHECK(data_begin + superblock->segments * superblock->segment_bytes <=
               superblock->file_bytes);
    encode(*superblock, page);
    check_same(each, page, superblock_bytes);
  }
  for (const std::string& each :
       {std::string(text), vouched(text, segment_header_bytes - 4, true)}) {
    const fuzz::Exact exact(each);
    const auto segment = decode_segment(exact.bytes(), salt);
    if (!segment) continue;
    encode(*segment, salt, page);
    check_same(each, page, segment_header_bytes);
  }
  for (const std::string& each : {std::string(text), vouched(text, page_bytes - 4, true)}) {
    const fuzz::Exact exact(each);
    const auto cursors = decode_cursors(exact.bytes(), salt);
    if (!cursors) continue;
    for (const Cursor& cursor : cursors->cursors)
      FUZZ_CHECK(cursor.position <= cursors->head_position && !cursor.name.empty());
    // Behind the last cursor may be anything, so a page is compared with itself.
    encode(*cursors, salt, page);
    const auto again = decode_cursors(page, salt);
    FUZZ_CHECK(again && again->cursors.size() == cursors->cursors.size());
    check_same(each, page, 96 + 120 * cursors->cursors.size());
  }
}

class Unpacker {
 public:
  Unpacker() {
    auto measured = Region::measuring();
    codec::Decompressor::carve(measured);
    memory_.reset(
        static_cast<std::byte*>(std::aligned_alloc(4096, align_up(measured.used(), 4096))));
    auto region = Region::over({memory_.get(), measured.used()});
    decompressor_.emplace(codec::Decompressor::carve(region));
  }
  codec::Decompressor& operator*() { return *decompressor_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::optional<codec::Decompressor> decompressor_;
};

void walk(Bytes raw) {
  // Aligned, and of its exact size, so that a step beyond it shows.
  std::unique_ptr<std::uint64_t[]> aligned(new std::uint64_t[raw.size() / 8 + 1]);
  const MutableBytes room(reinterpret_cast<std::byte*>(aligned.get()), raw.size());
  if (!raw.empty()) std::memcpy(room.data(), raw.data(), raw.size());
  const RecordsFound found = check_records(room);
  FUZZ_CHECK(found.wrong_at <= raw.size());
  FUZZ_CHECK((found.wrong == nullptr) == (found.wrong_at == raw.size()));
  if (found.wrong != nullptr) return;
  RecordsFound again;
  each_record(room, [&](const pipeline::Record& record) {
    const bool gap = record.kind() == pipeline::RecordKind::gap;
    ++(gap ? again.gaps : again.events);
    if (gap) again.dropped_events += record.gap().events;
    if (!gap) again.body_bytes += record.body().size();
    std::size_t listed = 0;
    record.headers().each([&](std::string_view key, std::string_view value) {
      FUZZ_CHECK(!key.empty());
      listed += pipeline::Headers::entry_overhead + key.size() + value.size();
    });
    FUZZ_CHECK(gap || listed == record.headers().encoded().size());
    FUZZ_CHECK(record.body().empty() ||
               record.body().data() + record.body().size() <= room.data() + room.size());
  });
  FUZZ_CHECK(again.events == found.events && again.gaps == found.gaps);
  FUZZ_CHECK(again.body_bytes == found.body_bytes);
  FUZZ_CHECK(again.dropped_events == found.dropped_events);
}

void check_block(std::string_view text) {
  const fuzz::Exact exact(text);
  const auto header = decode_block_header(exact.bytes());
  if (!header) return;
  FUZZ_CHECK(header->raw_bytes <= header->last_position - header->first_position);
  const bool complete = text.size() >= BlockHeader::bytes + header->payload_bytes;
  if (!complete) {
    FUZZ_CHECK(!is_whole(*header, exact.bytes(), salt));
    return;
  }
  std::vector<std::byte> block(exact.bytes().begin(), exact.bytes().end());
  encode(*header, salt, block);
  check_same(text, block, BlockHeader::bytes - 4);
  FUZZ_CHECK(is_whole(*header, block, salt));
  const Bytes payload = Bytes(block).subspan(BlockHeader::bytes, header->payload_bytes);
  if (header->codec == BlockCodec::none) return walk(payload);
  if (header->raw_bytes > (1u << 20)) return;
  static Unpacker unpacker;
  std::vector<std::byte> raw(header->raw_bytes);
  const auto size = (*unpacker).decompress(payload, raw);
  FUZZ_CHECK(size || size.error() == Error::malformed);
  if (size) walk(Bytes(raw).first(*size));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t kind = input.byte();
  const std::string_view text = input.rest();
  if (kind % 3 == 0) check_pages(text);
  if (kind % 3 == 1) check_block(text);
  if (kind % 3 == 2) walk(as_bytes(text));
  return 0;
}
