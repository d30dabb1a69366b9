// Assertions that stay on in release builds. A broken invariant ends the process at once: an agent
// that goes on with a wrong ring or a wrong checkpoint loses data quietly, a restart does not.
#pragma once

namespace runnel {

// Called once with the text of the failed assertion, before the process aborts. Set at start by
// whoever owns the log; must not allocate. Null: nothing is printed.
using AssertionReport = void (*)(const char* expression, const char* file, int line);
extern AssertionReport assertion_report;

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace runnel

#define RUNNEL_ASSERT(expression)      \
  (__builtin_expect(!!(expression), 1) \
       ? (void)0                       \
       : ::runnel::assertion_failed(#expression, __FILE__, __LINE__))
