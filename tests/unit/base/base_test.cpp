// Goal: the small tools that everything stands on. Method: known answers and edges.
#include <vector>

#include <doctest/doctest.h>

#include "base/crc32c.hpp"
#include "base/list.hpp"
#include "base/region.hpp"

using namespace runnel;

TEST_CASE("crc32c: the known answer, in any split") {
  const Bytes all = as_bytes("123456789");
  CHECK(crc32c(all) == 0xE3069283u);
  for (std::size_t cut = 0; cut <= all.size(); ++cut)
    CHECK(crc32c(all.subspan(cut), crc32c(all.first(cut))) == 0xE3069283u);
  const std::vector<std::byte> zeros(32);
  CHECK(crc32c(zeros) == 0x8A9136AAu);  // RFC 3720 appendix B.4
}

namespace {
struct Item : Link<> {
  explicit Item(int v) : value(v) {}
  int value;
};
}  // namespace

TEST_CASE("list: order, leaving from the middle, splicing") {
  Item a(1), b(2), c(3), d(4);
  List<Item> list, other;
  list.push_back(a);
  list.push_back(b);
  list.push_front(c);
  b.unlink();
  b.unlink();
  CHECK_FALSE(b.linked());
  CHECK(list.count() == 2);
  other.push_back(d);
  other.push_back(b);
  list.splice_back(other);
  CHECK(other.empty());
  std::vector<int> seen;
  for (Item& item : list) {
    seen.push_back(item.value);
    item.unlink();
  }
  CHECK(seen == std::vector<int>{3, 1, 4, 2});
  CHECK(list.take_front() == nullptr);
}

TEST_CASE("region: both passes come to identical bytes") {
  const auto carve = [](Region& region) {
    region.bytes(10, "ten");
    region.array<Item*>(3, "pointers");
    region.bytes(100, "hundred", 4096);
    region.frames(2, 512);
  };
  Region measured = Region::measuring();
  carve(measured);
  CHECK(measured.lines().size() == 3);
  CHECK(measured.frame_bytes() == 1024);
  alignas(4096) static std::byte memory[8192];
  Region real = Region::over(memory);
  carve(real);
  CHECK(real.used() == measured.used());
  CHECK(measured.used() == 4096 + 100);
}
