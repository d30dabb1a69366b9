// What the kernel tells without being asked: signals and changes of folders, both as handles that
// become readable.
#include <cerrno>

#include <limits.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "platform/linux/errno.hpp"
#include "platform/linux/file_systems.hpp"
#include "platform/linux/system.hpp"

namespace runnel::linux_os {
namespace {

constexpr std::uint32_t watched = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_MODIFY |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

io::Change change_from(const inotify_event& event, std::string_view name) {
  io::Change change;
  change.watch = static_cast<std::uint32_t>(event.wd);
  change.name = name;
  change.appeared = (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  change.gone =
      (event.mask & (IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0;
  change.modified = (event.mask & IN_MODIFY) != 0;
  return change;
}

}  // namespace

io::Handle LinuxSystem::signal_handle() {
  if (signals_ < 0) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    RUNNEL_ASSERT(signals_ >= 0);
  }
  return static_cast<io::Handle>(signals_);
}

std::optional<io::Signal> LinuxSystem::take_signal() {
  signalfd_siginfo info;
  if (signals_ < 0 || ::read(signals_, &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return info.ssi_signo == SIGHUP ? io::Signal::reload : io::Signal::stop;
}

Result<io::Handle> LinuxSystem::open_watcher() {
  const int watcher = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watcher < 0) return fail(last_error());
  return static_cast<io::Handle>(watcher);
}

Result<std::uint32_t> LinuxSystem::watch(io::Handle watcher, const char* folder) {
  struct statfs64 info;
  // When there is no answer, the watch itself says what is wrong.
  if (::statfs64(folder, &info) == 0 && changes_untold(static_cast<std::uint32_t>(info.f_type)))
    return fail(Error::unsupported);
  const int watch = ::inotify_add_watch(static_cast<int>(watcher), folder, watched);
  if (watch >= 0) return static_cast<std::uint32_t>(watch);
  // Here ENOSPC means fs.inotify.max_user_watches, not the disk.
  return fail(errno == ENOSPC ? Error::too_many_handles : last_error());
}

void LinuxSystem::unwatch(io::Handle watcher, std::uint32_t watch) {
  ::inotify_rm_watch(static_cast<int>(watcher), static_cast<int>(watch));
}

void LinuxSystem::take_changes(io::Handle watcher, FunctionRef<void(const io::Change&)> each) {
  // A busy folder could keep this going for ever: what is left is there at the next call, because
  // the handle stays readable.
  constexpr int reads_max = 16;
  alignas(inotify_event) std::byte storage[4096];
  static_assert(sizeof(storage) >= sizeof(inotify_event) + NAME_MAX + 1);
  for (int round = 0; round < reads_max; ++round) {
    const ssize_t size = ::read(static_cast<int>(watcher), storage, sizeof(storage));
    if (size <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      const auto event = load<inotify_event>(storage + at);
      const char* name = reinterpret_cast<const char*>(storage + at + sizeof(inotify_event));
      const std::string_view text(name, event.len == 0 ? 0 : ::strnlen(name, event.len));
      at += sizeof(inotify_event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        io::Change change;
        change.lost = true;
        each(change);
      } else if ((event.mask & IN_IGNORED) == 0) {
        // IN_IGNORED only repeats an unwatch, or the end of the folder that was told before.
        each(change_from(event, text));
      }
    }
  }
}

}  // namespace runnel::linux_os
