// Chooses the driver by RUNNEL_DRIVER. One that this machine refuses is skipped by name (exit 77),
// unless RUNNEL_EXPECT_URING=1 says that io_uring has to work here.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/contract/driver_under_test.hpp"

int main(int argc, char** argv) {
  using namespace runnel::contract;
  const char* name = std::getenv("RUNNEL_DRIVER");
  const DriverRow* chosen = nullptr;
  for (const DriverRow& row : drivers())
    if (name != nullptr && std::string_view(row.name) == name) chosen = &row;
  if (chosen == nullptr) {
    std::fputs("set RUNNEL_DRIVER to one of:", stderr);
    for (const DriverRow& row : drivers()) std::fprintf(stderr, " %s", row.name);
    std::fputs("\n", stderr);
    return 64;
  }

  std::string why_not;
  if (const auto driver = chosen->make(why_not)) {
    std::printf("%s: %s\n", chosen->name, std::string(driver->reactor().description()).c_str());
  } else {
    std::printf("SKIPPED: %s: %s\n", chosen->name, why_not.c_str());
    const char* expected = std::getenv("RUNNEL_EXPECT_URING");
    const bool must_work = expected != nullptr && std::string_view(expected) == "1";
    return must_work && std::string_view(chosen->name).starts_with("uring") ? 1 : 77;
  }
  return doctest::Context(argc, argv).run();
}
