// Goal: what is encoded is decoded, and nothing else is. Method: every byte changed, every
// truncation, another file's salt, fields that contradict each other under a right checksum, random
// bytes.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/crc32c.hpp"
#include "channels/journal/format.hpp"
#include "channels/journal/records.hpp"
#include "tests/support/journal_builder.hpp"

using namespace runnel;
using namespace runnel::channels::journal;

namespace {

using Page = std::vector<std::byte>;

Salt salt_of(int first) {
  Salt salt;
  for (std::size_t index = 0; index < salt.size(); ++index)
    salt[index] = static_cast<std::byte>(first + static_cast<int>(index));
  return salt;
}
const Salt salt = salt_of(0xA0);
const Salt another_salt = salt_of(0xA1);

Superblock a_superblock() {
  Superblock superblock;
  superblock.file_bytes = 1 << 20;
  superblock.segments = 4;
  superblock.segment_bytes = (superblock.file_bytes - data_begin) / 4 / page_bytes * page_bytes;
  superblock.raw_bytes_max = 64 * 1024;
  superblock.salt = salt;
  return superblock;
}
CursorPage some_cursors() {
  CursorPage page;
  page.generation = 7;
  page.epoch = 3;
  page.head_position = 9000;
  page.head_ordinal = 100;
  page.unwritten_events = 20;
  page.body_bytes = 4321;
  page.durable_position = 8000;
  page.written_bytes = 77777;
  page.syncs = 55;
  page.budget_spent = 4242;
  page.budget_spent_at_ns = 1'700'000'000'000'000'000;
  page.cursors.push_back({"out", 800, 9, 5 * page_bytes, 2, 12, 345, 6, 7});
  page.cursors.push_back({std::string(cursor_name_bytes_max, 'n'), 9000, 100, 0, 0});
  return page;
}
SegmentHeader a_segment() {
  SegmentHeader segment;
  segment.index = 3;
  segment.generation = 12;
  segment.first_sequence = 34;
  segment.first_position = 56;
  segment.first_ordinal = 78;
  segment.unwritten_events = 9;
  segment.body_bytes = 1011;
  return segment;
}
BlockHeader a_block() {
  BlockHeader header;
  header.payload_bytes = 40;
  header.raw_bytes = 96;
  header.events = 3;
  header.codec = BlockCodec::zstd;
  header.generation = 12;
  header.sequence = 35;
  header.epoch = 3;
  header.first_position = 1000;
  header.last_position = 1200;
  header.first_ordinal = 50;
  header.unwritten_events = 50;
  header.body_bytes = 99;
  header.boot[3] = std::byte{4};
  header.clock_offset_ns = -5;
  header.custody = 700;
  return header;
}
Page block_bytes(const BlockHeader& header) {
  Page block(BlockHeader::bytes + header.payload_bytes);
  for (std::size_t index = BlockHeader::bytes; index < block.size(); ++index)
    block[index] = static_cast<std::byte>(index * 7);
  encode(header, salt, block);
  return block;
}
Page page_of(const auto& part) {
  Page page(page_bytes, std::byte{0xEE});
  if constexpr (std::is_same_v<decltype(part), const Superblock&>)
    encode(part, page);
  else
    encode(part, salt, page);
  return page;
}

// Writes a field of a part and makes its checksum right again.
template <class T>
Page with(Page page, std::size_t at, T value, std::size_t crc_at, bool salted) {
  store(page.data() + at, value);
  const std::uint32_t before = salted ? crc32c(Bytes(salt)) : 0;
  store(page.data() + crc_at, crc32c(Bytes(page).first(crc_at), before));
  return page;
}

// `accepts` must refuse the page with any of its first `count` bytes changed, and any beginning.
template <class Accepts>
void check_fragile(const Page& whole, std::size_t count, Accepts&& accepts) {
  CHECK(accepts(Bytes(whole)));
  for (std::size_t at = 0; at < count; ++at)
    for (const int change : {0x01, 0x80, 0xFF}) {
      Page damaged = whole;
      damaged[at] ^= static_cast<std::byte>(change);
      CHECK_FALSE(accepts(Bytes(damaged)));
    }
  for (std::size_t size = 0; size < count; ++size) {
    const Page torn(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(accepts(Bytes(torn)));
  }
}

}  // namespace

TEST_CASE("journal format: superblock") {
  const Superblock written = a_superblock();
  const Page page = page_of(written);
  const auto read = decode_superblock(page);
  REQUIRE(read.has_value());
  CHECK(read->file_bytes == written.file_bytes);
  CHECK(read->segment_bytes == written.segment_bytes);
  CHECK(read->segments == written.segments);
  CHECK(read->raw_bytes_max == written.raw_bytes_max);
  CHECK(read->salt == written.salt);
  check_fragile(page, superblock_bytes,
                [](Bytes bytes) { return decode_superblock(bytes).has_value(); });

  CHECK(looks_like_a_journal(page));
  CHECK_FALSE(looks_like_a_journal(as_bytes("RUNNELJ")));
  CHECK_FALSE(looks_like_a_journal(as_bytes("RUNNELK1")));
  const auto refused = [&](std::size_t at, auto value) {
    return !decode_superblock(with(page, at, value, superblock_bytes - 4, false));
  };
  CHECK(refused(8, std::uint32_t{2}));                     // of a version to come
  CHECK(refused(12, std::uint32_t{8192}));                 // other pages
  CHECK(refused(16, std::uint64_t{(1 << 20) - 1}));        // too small
  CHECK(refused(16, UINT64_MAX));                          // no file is
  CHECK(refused(24, written.segment_bytes + page_bytes));  // more than there is
  CHECK(refused(24, written.segment_bytes - 1));           // between pages
  CHECK(refused(24, UINT64_MAX / 4096 * 4096));            // nearly all there could be
  CHECK(refused(24, std::uint64_t{0}));                    // none
  CHECK(refused(32, std::uint32_t{3}));                    // too few segments
  CHECK(refused(32, segments_max + 1));                    // too many
  CHECK(refused(36, std::uint32_t{0}));                    // no room for a record
  CHECK(refused(36, static_cast<std::uint32_t>(written.segment_bytes)));  // larger than a segment
  CHECK(refused(36, UINT32_MAX));
  CHECK(refused(56, data_begin + page_bytes));
}

TEST_CASE("journal format: cursors") {
  const CursorPage written = some_cursors();
  const Page page = page_of(written);
  const auto read = decode_cursors(page, salt);
  REQUIRE(read.has_value());
  CHECK(read->generation == written.generation);
  CHECK(read->epoch == written.epoch);
  CHECK(read->head_position == written.head_position);
  CHECK(read->head_ordinal == written.head_ordinal);
  CHECK(read->unwritten_events == written.unwritten_events);
  CHECK(read->body_bytes == written.body_bytes);
  CHECK(read->durable_position == written.durable_position);
  CHECK(read->written_bytes == written.written_bytes);
  CHECK(read->syncs == written.syncs);
  CHECK(read->budget_spent == written.budget_spent);
  CHECK(read->budget_spent_at_ns == written.budget_spent_at_ns);
  REQUIRE(read->cursors.size() == 2);
  for (std::size_t index = 0; index < 2; ++index) {
    CHECK(read->cursors[index].name == written.cursors[index].name);
    CHECK(read->cursors[index].position == written.cursors[index].position);
    CHECK(read->cursors[index].ordinal == written.cursors[index].ordinal);
    CHECK(read->cursors[index].block_at == written.cursors[index].block_at);
    CHECK(read->cursors[index].sequence == written.cursors[index].sequence);
    CHECK(read->cursors[index].gap_events == written.cursors[index].gap_events);
    CHECK(read->cursors[index].gap_bytes == written.cursors[index].gap_bytes);
    CHECK(read->cursors[index].gap_first_ns == written.cursors[index].gap_first_ns);
    CHECK(read->cursors[index].gap_last_ns == written.cursors[index].gap_last_ns);
  }
  check_fragile(page, page_bytes,
                [](Bytes bytes) { return decode_cursors(bytes, salt).has_value(); });
  CHECK_FALSE(decode_cursors(page, another_salt).has_value());

  const auto refused = [&](std::size_t at, auto value) {
    return !decode_cursors(with(page, at, value, page_bytes - 4, true), salt);
  };
  CHECK_FALSE(refused(8, std::uint64_t{8}));  // the checksum is made right again
  CHECK(refused(4, static_cast<std::uint32_t>(cursors_max + 1)));
  CHECK(refused(4, std::uint32_t{3}));                 // a third, without a name
  CHECK(refused(40, written.head_ordinal + 1));        // more unwritten than there are
  CHECK(refused(96, std::uint8_t{0}));                 // no name
  CHECK(refused(96, std::uint8_t{2}));                 // a name behind its end
  CHECK(refused(96, std::uint8_t{56}));                // longer than its room
  CHECK(refused(96 + 56, written.head_position + 1));  // beyond the head
  CHECK(refused(96 + 64, written.head_ordinal + 1));
  CHECK(refused(96 + 72, std::uint64_t{page_bytes + 1}));  // no block begins there
  CHECK(refused(96 + 72, data_begin));                     // a segment's header

  CursorPage full;
  full.generation = 1;
  for (std::size_t index = 0; index < cursors_max; ++index)
    full.cursors.push_back({"sink" + std::to_string(index), 0, 0, 0, 0});
  CHECK(decode_cursors(page_of(full), salt)->cursors.back().name == "sink31");
  CHECK(decode_cursors(page_of(CursorPage{}), salt)->cursors.empty());
}

TEST_CASE("journal format: segments") {
  const SegmentHeader written = a_segment();
  const Page page = page_of(written);
  const auto read = decode_segment(page, salt);
  REQUIRE(read.has_value());
  CHECK(read->index == written.index);
  CHECK(read->generation == written.generation);
  CHECK(read->first_sequence == written.first_sequence);
  CHECK(read->first_position == written.first_position);
  CHECK(read->first_ordinal == written.first_ordinal);
  CHECK(read->unwritten_events == written.unwritten_events);
  CHECK(read->body_bytes == written.body_bytes);
  check_fragile(page, segment_header_bytes,
                [](Bytes bytes) { return decode_segment(bytes, salt).has_value(); });
  CHECK_FALSE(decode_segment(page, another_salt).has_value());
  CHECK_FALSE(decode_segment(with(page, 4, segments_max, segment_header_bytes - 4, true), salt));
  CHECK_FALSE(
      decode_segment(with(page, 40, std::uint64_t{79}, segment_header_bytes - 4, true), salt));
  CHECK_FALSE(decode_segment(Page(page_bytes), salt).has_value());
}

TEST_CASE("journal format: blocks") {
  const BlockHeader written = a_block();
  const Page block = block_bytes(written);
  const auto read = decode_block_header(block);
  REQUIRE(read.has_value());
  CHECK(read->payload_bytes == written.payload_bytes);
  CHECK(read->raw_bytes == written.raw_bytes);
  CHECK(read->events == written.events);
  CHECK(read->gaps == written.gaps);
  CHECK(read->codec == written.codec);
  CHECK(read->generation == written.generation);
  CHECK(read->sequence == written.sequence);
  CHECK(read->epoch == written.epoch);
  CHECK(read->first_position == written.first_position);
  CHECK(read->last_position == written.last_position);
  CHECK(read->first_ordinal == written.first_ordinal);
  CHECK(read->unwritten_events == written.unwritten_events);
  CHECK(read->body_bytes == written.body_bytes);
  CHECK(read->boot == written.boot);
  CHECK(read->clock_offset_ns == written.clock_offset_ns);
  CHECK(read->custody == written.custody);
  const auto accepts = [](Bytes bytes) {
    const auto header = decode_block_header(bytes);
    return header && is_whole(*header, bytes, salt);
  };
  check_fragile(block, block.size(), accepts);
  CHECK_FALSE(is_whole(*read, block, another_salt));
  // What lies behind a block is no part of it.
  Page longer = block;
  longer.resize(page_bytes, std::byte{0x55});
  CHECK(accepts(longer));
}

TEST_CASE("journal format: blocks whose fields contradict each other") {
  const Page block = block_bytes(a_block());
  const auto refused = [&](std::size_t at, auto value) {
    Page changed = block;
    store(changed.data() + at, value);
    return !decode_block_header(changed);
  };
  CHECK(refused(4, std::uint32_t{0}));        // no payload
  CHECK(refused(4, std::uint32_t{5000}));     // no compressor makes so much of 96 bytes
  CHECK(refused(8, std::uint32_t{97}));       // records are 8-aligned
  CHECK(refused(8, std::uint32_t{64}));       // three events are larger
  CHECK(refused(8, std::uint32_t{208}));      // more than lies between its positions
  CHECK(refused(8, raw_bytes_hard_max + 8));  // more than any block
  CHECK(refused(12, std::uint32_t{5}));       // more events than bytes for them
  CHECK(refused(12, std::uint32_t{0}));       // nothing in it
  CHECK(refused(16, std::uint32_t{1}));       // no room for a gap
  CHECK(refused(20, std::uint16_t{2}));       // an unknown codec
  CHECK(refused(20, std::uint16_t{0}));       // not compressed, and yet smaller
  CHECK(refused(22, std::uint16_t{1}));
  CHECK(refused(56, std::uint64_t{999}));  // ends before it begins
  CHECK(refused(64, std::uint64_t{49}));   // more unwritten than there were
  CHECK(refused(64, UINT64_MAX));          // ordinals would begin again
  CHECK(refused(120, std::uint32_t{1}));
  CHECK_FALSE(refused(104, clock_not_set));
}

TEST_CASE("journal format: random bytes are nothing, whatever they begin with") {
  std::mt19937 random(11);
  Page page(page_bytes);
  for (int round = 0; round < 2000; ++round) {
    for (std::byte& each : page) each = static_cast<std::byte>(random());
    const std::string_view magics[] = {"RUNNELJ1", "RJC1", "RJS1", "RJB1"};
    const std::string_view magic = magics[random() % 4];
    std::memcpy(page.data(), magic.data(), magic.size());
    const Bytes bytes = Bytes(page).first(random() % (page_bytes + 1));
    CHECK_FALSE(decode_superblock(bytes).has_value());
    CHECK_FALSE(decode_cursors(bytes, salt).has_value());
    CHECK_FALSE(decode_segment(bytes, salt).has_value());
    const auto header = decode_block_header(bytes);
    CHECK_FALSE((header && is_whole(*header, bytes, salt)));
  }
}

TEST_CASE("journal format: records of a block are looked at before they are read") {
  // Goal: right records pass with their counts; one that could make a reader go astray does not.
  // Method: three records, and then one field at a time.
  std::byte buffer[64];
  pipeline::HeaderWriter headers(buffer);
  headers.add("host", "gw");
  std::vector<std::byte> raw;
  const auto add = [&](std::size_t size) {
    raw.resize(raw.size() + size);
    return raw.data() + raw.size() - size;
  };
  pipeline::Event event;
  event.body = as_bytes("hello");
  event.headers = headers.headers();
  const std::size_t event_bytes = pipeline::record_bytes(event);
  pipeline::write_record(add(event_bytes), event, event_bytes);
  pipeline::write_gap(add(pipeline::gap_record_bytes), {4, 100, {}, {}});
  pipeline::write_padding(add(16), 16);

  const RecordsFound found = check_records(raw);
  CHECK(found.wrong == nullptr);
  CHECK(found.events == 1);
  CHECK(found.gaps == 1);
  CHECK(found.body_bytes == 5);
  CHECK(found.dropped_events == 4);
  int seen = 0;
  each_record(raw, [&](const pipeline::Record&) { ++seen; });
  CHECK(seen == 2);

  const auto wrong_at = [&](std::size_t at, auto value) -> std::optional<std::size_t> {
    std::vector<std::byte> changed = raw;
    store(changed.data() + at, value);
    const RecordsFound result = check_records(changed);
    if (result.wrong == nullptr) return {};
    return result.wrong_at;
  };
  CHECK(wrong_at(0, std::uint32_t{0}) == 0u);               // would never end
  CHECK(wrong_at(0, std::uint32_t{20}) == 0u);              // would misalign what follows
  CHECK(wrong_at(0, std::uint32_t{UINT32_MAX - 7}) == 0u);  // would leave the block
  CHECK(wrong_at(4, std::uint8_t{9}) == 0u);                // kind
  CHECK(wrong_at(5, std::uint8_t{9}) == 0u);                // severity
  CHECK(wrong_at(6, std::uint16_t{0x8000}) == 0u);          // flags
  CHECK(wrong_at(8, std::uint32_t{100}) == 0u);             // body beyond its record
  CHECK(wrong_at(8, UINT32_MAX) == 0u);
  CHECK(wrong_at(12, std::uint16_t{0xFFFF}) == 0u);  // headers beyond their record
  CHECK(wrong_at(24, std::uint8_t{0}) == 0u);        // a header without a key
  CHECK(wrong_at(24, std::uint8_t{200}) == 0u);      // a key beyond its list
  CHECK(wrong_at(25, std::uint16_t{1}) == 0u);       // a list that does not end at its end
  CHECK(wrong_at(event_bytes + 8, std::uint32_t{32}) == event_bytes);  // a gap that is too small
  CHECK(wrong_at(event_bytes + pipeline::gap_record_bytes, std::uint32_t{24}) ==
        event_bytes + pipeline::gap_record_bytes);           // padding beyond the block
  CHECK_FALSE(wrong_at(16, std::uint64_t{77}).has_value());  // any time is a time
}
