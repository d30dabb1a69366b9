#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <unistd.h>

#include "tests/contract/driver_under_test.hpp"

namespace runnel::contract {

std::unique_ptr<DriverUnderTest> make_uring_a(std::string& why_not);
std::unique_ptr<DriverUnderTest> make_uring_b(std::string& why_not);
std::unique_ptr<DriverUnderTest> make_asio(std::string& why_not);
std::unique_ptr<DriverUnderTest> make_sim(std::string& why_not);

namespace {

constexpr DriverRow rows[] = {
    {"uring-a", make_uring_a},
    {"uring-b", make_uring_b},
    {"asio", make_asio},
    {"sim", make_sim},
};

}  // namespace

std::span<const DriverRow> drivers() { return rows; }

const DriverRow& chosen_driver() {
  const char* name = std::getenv("RUNNEL_DRIVER");
  for (const DriverRow& row : rows)
    if (name != nullptr && std::string_view(row.name) == name) return row;
  RUNNEL_ASSERT(false && "RUNNEL_DRIVER names no driver of this build");
  return rows[0];
}

MutableBytes DriverUnderTest::memory(std::size_t bytes) {
  const auto mapped = system().map(bytes);
  RUNNEL_ASSERT(mapped.has_value());
  return *mapped;
}

ScratchFolder::ScratchFolder() {
  path_ = (std::filesystem::temp_directory_path() / "runnel-contract-XXXXXX").string();
  RUNNEL_ASSERT(::mkdtemp(path_.data()) != nullptr);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace runnel::contract
