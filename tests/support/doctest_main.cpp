#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include <doctest/doctest.h>

#include "base/assert.hpp"

int main(int count, char** arguments) {
  runnel::assertion_report = [](const char* expression, const char* file, int line) {
    std::fprintf(stderr, "assertion failed: %s (%s:%d)\n", expression, file, line);
  };
  doctest::Context context(count, arguments);
  return context.run();
}
