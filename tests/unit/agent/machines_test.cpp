// Goal: pages larger than 4 KiB and addresses of 32 bits are planned for.
// Method: carve with pages of each size and look where the kernel's part comes to lie; sums and
// sizes that do not fit into an address.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <doctest/doctest.h>

#include "agent/plan.hpp"
#include "io/buffer_pool.hpp"
#include "pipeline/options.hpp"

namespace runnel {
namespace {

using Memory = std::unique_ptr<void, decltype(&std::free)>;

io::BufferPool carve_beside_others(Region& region) {
  region.bytes(100, "something in front");
  io::BufferPool pool = io::BufferPool::carve(region, 8, 1024, "buffers");
  region.bytes(1, "something behind");
  return pool;
}

}  // namespace

TEST_CASE("pages: a buffer ring begins at one, however large they are") {
  for (const std::size_t page_bytes : {4096u, 16384u, 65536u}) {
    CAPTURE(page_bytes);
    Region measured = Region::measuring(page_bytes);
    carve_beside_others(measured);
    const std::size_t bytes = align_up(measured.used(), page_bytes);
    const Memory memory(std::aligned_alloc(page_bytes, bytes), &std::free);
    REQUIRE(memory);
    Region region = Region::over({static_cast<std::byte*>(memory.get()), bytes}, page_bytes);
    const io::BufferPool pool = carve_beside_others(region);
    CHECK(reinterpret_cast<std::uintptr_t>(pool.driver_area().data()) % page_bytes == 0);
    CHECK(region.used() == measured.used());
  }
}

TEST_CASE("pages: the plan of every component is whole pages") {
  agent::Settings settings;
  for (const std::size_t page_bytes : {4096u, 65536u}) {
    const agent::MeasuredParts parts = agent::measure(settings, page_bytes);
    REQUIRE_FALSE(parts.entries.empty());
    for (const agent::PlanEntry& entry : parts.entries) CHECK(entry.bytes % page_bytes == 0);
  }
}

TEST_CASE("addresses: a plan that passes the largest one is refused, not started from zero") {
  CHECK(saturating_add(1, 2) == 3);
  CHECK(saturating_add(SIZE_MAX - 1, 1) == SIZE_MAX);
  CHECK(saturating_add(SIZE_MAX, SIZE_MAX) == SIZE_MAX);
  agent::MeasuredParts parts;
  for (const char* name : {"channels.a", "channels.b", "channels.c"})
    parts.entries.push_back({name, SIZE_MAX / 2, {}});
  CHECK(parts.bytes() == SIZE_MAX);
  const agent::MemoryPlan plan(parts, {"none", 0, 0, 0});
  CHECK(plan.ceiling() == SIZE_MAX);
  CHECK_FALSE(plan.check(std::size_t{1} << 30));
}

TEST_CASE("addresses: a size that is larger than them counts as the largest") {
  pipeline::OptionValues values;
  values.set("memory_limit", std::uint64_t{1} << 40);
  values.set("small", std::uint64_t{5});
  CHECK(values.size("memory_limit") == std::min<std::uint64_t>(std::uint64_t{1} << 40, SIZE_MAX));
  CHECK(values.size("small") == 5);
  CHECK(values.number("memory_limit") == std::uint64_t{1} << 40);
}

}  // namespace runnel
