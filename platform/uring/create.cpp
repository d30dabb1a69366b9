// Finds out what this kernel can do, once, by doing it.
#include <cerrno>
#include <cstdlib>
#include <new>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.hpp"
#include "platform/linux/errno.hpp"
#include "platform/uring/ftruncate.hpp"
#include "platform/uring/uring_reactor.hpp"

namespace runnel::uring {
namespace {

constexpr unsigned requests_max = 256;      // in one turn, before they go to the kernel early
constexpr unsigned completions_max = 1024;  // more wait in the kernel
constexpr unsigned workers_max = 2;         // kernel threads for what would block

constexpr unsigned tier_a_flags =
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
constexpr unsigned features_needed =
    IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_SUBMIT_STABLE;

// 0 or a negative errno.
int open_ring(io_uring& ring, unsigned flags, unsigned entries) {
  io_uring_params parameters = {};
  parameters.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  parameters.cq_entries = entries * (completions_max / requests_max);
  const int result = io_uring_queue_init_params(entries, &ring, &parameters);
  if (result == 0 && (ring.features & features_needed) != features_needed) {
    io_uring_queue_exit(&ring);
    return -EINVAL;
  }
  return result;
}

// The probe of operations does not tell multishot from single receives: only a receive that says
// "more to come" does. On a ring of its own, so that nothing of it is left behind.
bool receives_multishot() {
  io_uring ring;
  if (open_ring(ring, tier_a_flags, 4) != 0) return false;
  bool works = false;
  int sockets[2];
  // The kernel takes a buffer ring only at the start of a page, and pages are not always 4 KiB.
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* area = std::aligned_alloc(page_bytes, page_bytes);
  if (area != nullptr && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0) {
    char memory[16];
    auto* buffers = static_cast<io_uring_buf_ring*>(area);
    io_uring_buf_reg registration = {};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(area);
    registration.ring_entries = 1;
    if (io_uring_register_buf_ring(&ring, &registration, 0) == 0) {
      io_uring_buf_ring_init(buffers);
      io_uring_buf_ring_add(buffers, memory, sizeof(memory), 0, io_uring_buf_ring_mask(1), 0);
      io_uring_buf_ring_advance(buffers, 1);
      io_uring_sqe* request = io_uring_get_sqe(&ring);
      io_uring_prep_recv_multishot(request, sockets[0], nullptr, 0, 0);
      request->flags |= IOSQE_BUFFER_SELECT;
      io_uring_cqe* completion = nullptr;
      __kernel_timespec patience = {};
      patience.tv_sec = 5;
      if (::send(sockets[1], "x", 1, MSG_NOSIGNAL) == 1 &&
          io_uring_submit_and_wait_timeout(&ring, &completion, 1, &patience, nullptr) >= 0 &&
          completion != nullptr)
        works = completion->res == 1 && (completion->flags & IORING_CQE_F_MORE) != 0;
    }
    ::close(sockets[0]);
    ::close(sockets[1]);
  }
  io_uring_queue_exit(&ring);
  // Nothing is received any more: both sockets are closed.
  std::free(area);
  return works;
}

bool supports_ftruncate(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  const bool supported = io_uring_opcode_supported(probe, operation_ftruncate) != 0;
  io_uring_free_probe(probe);
  return supported;
}

std::string kernel_release() {
  utsname names;
  return ::uname(&names) == 0 ? std::string(names.release) : std::string("unknown");
}

char disabled_by_sysctl() {
  char value = '0';
  const int file = ::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
  if (file < 0) return value;
  if (::read(file, &value, 1) != 1) value = '0';
  ::close(file);
  return value;
}

std::string why_refused(int number) {
  switch (number) {
    case ENOSYS:
      return "this kernel is built without io_uring, or it is hidden from this process";
    case EPERM:
    case EACCES:
      if (const char value = disabled_by_sysctl(); value != '0')
        return concat("kernel.io_uring_disabled is ", value);
      return "seccomp or another security module forbids it (a container's default profile does)";
    case EINVAL:
      return concat("kernel ", kernel_release(), " is too old (5.11 is needed)");
    case ENOMEM:
      return "no memory for the rings (an old kernel counts them against LimitMEMLOCK)";
    default:
      return concat(describe(linux_os::error_from_errno(number)), " (errno ", number, ")");
  }
}

}  // namespace

Built<std::unique_ptr<UringReactor>> UringReactor::create(const UringOptions& options) {
  io_uring ring;
  Tier tier = Tier::b;
  if (!options.force_tier_b && receives_multishot() &&
      open_ring(ring, tier_a_flags, requests_max) == 0)
    tier = Tier::a;
  if (tier == Tier::b) {
    if (const int result = open_ring(ring, 0, requests_max); result != 0)
      return problem(concat("io_uring is refused: ", why_refused(-result)), 69);
  }

  unsigned workers[2] = {workers_max, workers_max};
  io_uring_register_iowq_max_workers(&ring, workers);  // from 5.15; before, the kernel decides
  io_uring_register_ring_fd(&ring);                    // from 5.18; only a little faster
  const bool truncates = supports_ftruncate(ring);
  std::string description =
      concat("io_uring tier ", static_cast<char>(tier),
             tier == Tier::a ? ": multishot receive, buffer rings" : ": single requests",
             " (kernel ", kernel_release(), ")");
  return std::unique_ptr<UringReactor>(
      new UringReactor(ring, tier, truncates, std::move(description)));
}

}  // namespace runnel::uring
