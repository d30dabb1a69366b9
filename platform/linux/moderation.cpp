#include "platform/linux/moderation.hpp"

#include <ctime>

namespace runnel::linux_os {

void rest(Duration length) {
  if (length <= Duration::zero()) return;
  timespec time = {};
  time.tv_nsec = static_cast<long>(length.count());
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace runnel::linux_os
