// A system call made again when a signal ends it. Signals are blocked while data flows; a stop and
// continue of the process still interrupts.
#pragma once

#include <cerrno>

namespace runnel::linux_os {

template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace runnel::linux_os
