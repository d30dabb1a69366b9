#include "platform/asio/aio_sync.hpp"

#include <cerrno>

#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "platform/linux/calls.hpp"
#include "platform/linux/errno.hpp"

namespace runnel::asio_driver {
namespace {

// Takes up to `count_max` completions; waits for `count_min` of them.
long take_completions(aio_context_t context, long count_min, long count_max, io_event* into) {
  long answer;
  do {
    answer = ::syscall(SYS_io_getevents, context, count_min, count_max, into, nullptr);
  } while (answer < 0 && errno == EINTR);
  return answer;
}

}  // namespace

AioSync::AioSync(bool wanted) {
  if (!wanted) {
    give_up(ECANCELED);
    return;
  }
  descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor_ < 0) {
    give_up(errno);
    return;
  }
  aio_context_t context = 0;
  if (::syscall(SYS_io_setup, in_flight_max, &context) < 0) {
    give_up(errno);
    return;
  }
  context_ = context;
  probe();
}

AioSync::~AioSync() { give_up(0); }

void AioSync::probe() {
  // A set-up that works does not say that syncs do: kernels before 4.18 refuse them.
  const int file = ::memfd_create("runnel-probe", MFD_CLOEXEC);
  if (file < 0) return give_up(errno);
  const bool taken = submit(IOCB_CMD_FDSYNC, file, nullptr);
  int reason = taken ? 0 : errno;
  if (taken) {
    io_event event = {};
    if (take_completions(context_, 1, 1, &event) != 1)
      reason = EIO;
    else if (event.res < 0)
      reason = static_cast<int>(-event.res);
    std::uint64_t count;
    [[maybe_unused]] const ssize_t emptied = ::read(descriptor_, &count, sizeof(count));
  }
  ::close(file);
  if (reason != 0) give_up(reason);
}

void AioSync::give_up(int reason) {
  refusal_ = reason;
  if (context_ != 0) ::syscall(SYS_io_destroy, context_);  // waits for what is in flight
  if (descriptor_ >= 0) ::close(descriptor_);
  context_ = 0;
  descriptor_ = -1;
}

bool AioSync::submit(int command, int descriptor, io::Operation* operation) {
  iocb request = {};
  request.aio_data = reinterpret_cast<std::uintptr_t>(operation);
  request.aio_lio_opcode = static_cast<std::uint16_t>(command);
  request.aio_fildes = static_cast<std::uint32_t>(descriptor);
  request.aio_flags = IOCB_FLAG_RESFD;
  request.aio_resfd = static_cast<std::uint32_t>(descriptor_);
  // The kernel copies the request before it returns: it needs no place of its own.
  iocb* requests[] = {&request};
  return ::syscall(SYS_io_submit, context_, 1, requests) == 1;
}

AioSync::Started AioSync::start(io::Operation& operation) {
  if (!available()) return Started::no;
  if (in_flight_ == in_flight_max) return Started::later;
  const int descriptor = static_cast<int>(operation.handle);
  const int command = linux_os::is_folder(descriptor) ? IOCB_CMD_FSYNC : IOCB_CMD_FDSYNC;
  if (submit(command, descriptor, &operation)) {
    ++in_flight_;
    return Started::yes;
  }
  // Completions free the kernel's slots; with none to come it would wait for ever.
  return errno == EAGAIN && in_flight_ > 0 ? Started::later : Started::no;
}

void AioSync::collect(FunctionRef<void(io::Operation&)> each) {
  if (!available()) return;
  std::uint64_t count;
  [[maybe_unused]] const ssize_t emptied = ::read(descriptor_, &count, sizeof(count));
  io_event events[in_flight_max];
  const long taken = take_completions(context_, 0, in_flight_max, events);
  for (long index = 0; index < taken; ++index) {
    RUNNEL_ASSERT(in_flight_ > 0);
    --in_flight_;
    const auto address = static_cast<std::uintptr_t>(events[index].data);
    io::Operation& operation = *reinterpret_cast<io::Operation*>(address);
    const std::int64_t answer = events[index].res;
    operation.result = 0;
    operation.error =
        answer < 0 ? linux_os::error_from_errno(static_cast<int>(-answer)) : Error::none;
    each(operation);
  }
}

}  // namespace runnel::asio_driver
