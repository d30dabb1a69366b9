#include "base/assert.hpp"

#include <cstdlib>

namespace runnel {

AssertionReport assertion_report = nullptr;

void assertion_failed(const char* expression, const char* file, int line) {
  if (assertion_report != nullptr) assertion_report(expression, file, line);
  std::abort();
}

}  // namespace runnel
