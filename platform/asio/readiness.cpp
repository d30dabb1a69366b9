#include "platform/asio/readiness.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "platform/linux/errno.hpp"

namespace runnel::asio_driver {
namespace {

using Executor = asio::io_context::executor_type;
using Watched = asio::posix::basic_stream_descriptor<Executor>;
static_assert(sizeof(Watched) <= Slot::watched_bytes);

// A turn ends even when descriptors become ready as fast as they are looked at.
constexpr int handlers_a_turn = 256;

Watched& watched_of(Slot& slot) {
  return *std::launder(static_cast<Watched*>(static_cast<void*>(slot.watched_memory)));
}

// Hands Asio the one place a direction has for its one pending wait.
template <class T>
struct WaitMemory {
  using value_type = T;
  Direction* direction;

  explicit WaitMemory(Direction* owner) : direction(owner) {}
  template <class U>
  WaitMemory(const WaitMemory<U>& other) : direction(other.direction) {}

  T* allocate(std::size_t count) {
    RUNNEL_ASSERT(count * sizeof(T) <= Direction::wait_bytes);
    RUNNEL_ASSERT(!direction->memory_used);
    direction->memory_used = true;
    return static_cast<T*>(static_cast<void*>(direction->wait_memory));
  }
  void deallocate(T*, std::size_t) { direction->memory_used = false; }
  template <class U>
  friend bool operator==(const WaitMemory& left, const WaitMemory<U>& right) {
    return left.direction == right.direction;
  }
};

struct OnReady {
  using allocator_type = WaitMemory<std::byte>;
  Readiness::ReadyList* ready;
  Direction* direction;

  allocator_type get_allocator() const noexcept { return allocator_type(direction); }
  void operator()(const asio::error_code& error) const {
    direction->armed = false;
    if (error == asio::error::operation_aborted) return;
    direction->error = error.value();
    if (!direction->Link<ReadyTag>::linked()) ready->push_back(*direction);
  }
};

}  // namespace

struct Readiness::Asio {
  asio::io_context context{1};
  // Without work Asio would stop by itself, and stay stopped.
  asio::executor_work_guard<Executor> work{context.get_executor()};

  // Asio allocates a state for every live descriptor and keeps it for the next one. A folder can
  // be registered any number of times: epoll refuses it, which Asio lets pass.
  int allocate_states(std::uint32_t count) {
    const int folder = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return errno;
    asio::error_code error;
    {
      std::vector<Watched> all;
      all.reserve(count);
      for (std::uint32_t index = 0; index < count && !error; ++index)
        all.emplace_back(context.get_executor()).assign(folder, error);
      for (Watched& each : all) each.release();
    }
    ::close(folder);
    return error.value();
  }
};

Readiness::Readiness(SlotTable table) : table_(table), asio_(std::make_unique<Asio>()) {}

Result<std::unique_ptr<Readiness>> Readiness::make(SlotTable table) {
  try {
    std::unique_ptr<Readiness> made(new Readiness(table));
    if (const int error = made->asio_->allocate_states(table.count))
      return fail(linux_os::error_from_errno(error));
    made->timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (made->timer_ < 0) return fail(linux_os::last_error());
    if (table.at(made->timer_) == nullptr) return fail(Error::too_many_handles);
    return made;
  } catch (const std::system_error& error) {
    return fail(linux_os::error_from_errno(error.code().value()));
  }
}

Readiness::~Readiness() {
  for (std::uint32_t index = 0; index < table_.count; ++index)
    if (Slot* slot = table_.find(static_cast<int>(index))) forget(*slot);
  while (ready.take_front() != nullptr) {
  }
  if (timer_ >= 0) ::close(timer_);
}

Status Readiness::want(Slot& slot, Direction& direction, int descriptor) {
  if (direction.armed) return {};
  asio::error_code error;
  if (!slot.watched) {
    auto* watched = new (slot.watched_memory) Watched(asio_->context.get_executor());
    watched->assign(descriptor, error);
    if (error) {
      watched->~Watched();
      return linux_os::error_from_errno(error.value());
    }
    slot.watched = true;
  }
  const bool to_write = &direction == &slot.writing;
  direction.armed = true;
  // Asio makes what it waits for non-blocking. For the standard streams that would show in every
  // process that shares them, the shell included.
  const bool shared = descriptor <= STDERR_FILENO;
  const int flags = shared ? ::fcntl(descriptor, F_GETFL) : 0;
  watched_of(slot).async_wait(to_write ? Watched::wait_write : Watched::wait_read,
                              OnReady{&ready, &direction});
  if (shared) ::fcntl(descriptor, F_SETFL, flags);
  return {};
}

void Readiness::forget(Slot& slot) {
  if (slot.watched) {
    watched_of(slot).release();
    // The aborted waits lie in the slot until their handlers have been called.
    while (slot.reading.memory_used || slot.writing.memory_used) asio_->context.poll_one();
    watched_of(slot).~Watched();
    slot.watched = false;
  }
  for (Direction* direction : {&slot.reading, &slot.writing}) {
    direction->Link<ReadyTag>::unlink();
    direction->error = 0;
  }
}

void Readiness::turn(Instant now, Instant until) {
  if (ready.empty() && until > now) {
    set_timer(now, until);
    asio_->context.run_one();
  }
  for (int count = 0; count < handlers_a_turn; ++count)
    if (asio_->context.poll_one() == 0) break;
}

void Readiness::set_timer(Instant now, Instant until) {
  // One that is set already and not later will do: deadlines mostly move forward, and waking once
  // too early costs less than a system call in every turn.
  if (timer_set_to_ > now && timer_set_to_ <= until) return;
  itimerspec at = {};  // all zero: no timer
  if (until != never) {
    constexpr std::int64_t second = 1'000'000'000;
    constexpr std::int64_t seconds_max = std::numeric_limits<std::int32_t>::max();
    const std::int64_t ns = until.time_since_epoch().count();
    at.it_value.tv_sec = static_cast<time_t>(std::min(ns / second, seconds_max));
    at.it_value.tv_nsec = static_cast<long>(ns % second);
  }
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
  timer_set_to_ = until;
  if (until == never) return;
  Slot& slot = *table_.at(timer_);
  const Status wanted = want(slot, slot.reading, timer_);
  RUNNEL_ASSERT(wanted.ok());
}

}  // namespace runnel::asio_driver
