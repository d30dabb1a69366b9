#include "platform/linux/system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

namespace runnel::linux_os {
namespace {

// Above this the tables that the drivers keep per handle would only cost memory.
constexpr rlim_t handles_wanted = 65536;

std::uint32_t raise_handle_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t wanted = std::min(limit.rlim_max, handles_wanted);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<std::uint32_t>(std::min(limit.rlim_cur, handles_wanted));
}

std::uint32_t count_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

// Sixteen bytes written as a UUID; all zero when the kernel does not say.
std::array<std::byte, 16> read_boot_id() {
  std::array<std::byte, 16> id = {};
  char text[64] = {};
  const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (file < 0) return id;
  const ssize_t size = ::read(file, text, sizeof(text) - 1);
  ::close(file);
  std::size_t digits = 0;
  for (ssize_t at = 0; at < size && digits < 2 * id.size(); ++at) {
    const char c = text[at];
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) continue;
    id[digits / 2] = static_cast<std::byte>(std::to_integer<int>(id[digits / 2]) << 4 | value);
    ++digits;
  }
  return id;
}

}  // namespace

LinuxSystem::LinuxSystem() {
  ::signal(SIGPIPE, SIG_IGN);
  // localtime_r reads the time zone's file the first time, and allocates for it: now, not later.
  ::tzset();
  facts_.page_bytes = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  facts_.processors = count_processors();
  facts_.boot_id = read_boot_id();
  facts_.handles_max = raise_handle_limit();
  utsname names;
  if (::uname(&names) == 0) {
    facts_.kernel = names.release;
    facts_.host_name = names.nodename;
  }
}

LinuxSystem::~LinuxSystem() {
  if (signals_ >= 0) ::close(signals_);
}

WallTime LinuxSystem::wall_clock() const {
  timespec time;
  ::clock_gettime(CLOCK_REALTIME, &time);
  return wall_from_ns(std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec);
}

std::int32_t LinuxSystem::utc_offset_seconds(WallTime at) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  const auto time = static_cast<time_t>(seconds);
  tm local = {};
  return ::localtime_r(&time, &local) == nullptr ? 0 : static_cast<std::int32_t>(local.tm_gmtoff);
}

void LinuxSystem::entropy(MutableBytes into) {
  while (!into.empty()) {
    const ssize_t got = ::getrandom(into.data(), into.size(), 0);
    // Identities are made of these bytes: going on without them would repeat them.
    RUNNEL_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
  }
}

std::uint32_t LinuxSystem::process_id() const { return static_cast<std::uint32_t>(::getpid()); }

std::optional<std::string> LinuxSystem::environment(const char* name) const {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace runnel::linux_os
