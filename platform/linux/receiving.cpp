#include "platform/linux/receiving.hpp"

#include <algorithm>

#include <sys/socket.h>

#include "base/assert.hpp"
#include "platform/linux/address.hpp"
#include "platform/linux/errno.hpp"
#include "platform/linux/uninterrupted.hpp"

namespace runnel::linux_os {
namespace {

// One call fills as many buffers as there are bytes for: fewer and larger receives mean fewer
// acknowledgements on the wire, each of which costs more than copying a buffer.
Result<std::uint32_t> receive_bytes(int descriptor, std::span<io::Buffer* const> buffers,
                                    std::uint32_t capacity) {
  iovec pieces[buffers_a_call];
  for (std::size_t index = 0; index < buffers.size(); ++index)
    pieces[index] = {buffers[index]->memory, capacity};
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = buffers.size();
  const ssize_t answer =
      uninterrupted([&] { return ::recvmsg(descriptor, &message, MSG_DONTWAIT); });
  if (answer < 0) return fail(last_error());
  if (answer == 0) return fail(Error::closed);
  auto left = static_cast<std::size_t>(answer);
  std::uint32_t count = 0;
  for (; left > 0; ++count) {
    io::Buffer& buffer = *buffers[count];
    buffer.data = buffer.memory;
    buffer.size = static_cast<std::uint32_t>(std::min<std::size_t>(left, capacity));
    buffer.truncated = false;
    buffer.peer = {};
    left -= buffer.size;
  }
  return count;
}

Result<std::uint32_t> receive_datagrams(int descriptor, std::span<io::Buffer* const> buffers,
                                        std::uint32_t capacity) {
  sockaddr_storage peers[buffers_a_call];
  iovec pieces[buffers_a_call];
  mmsghdr messages[buffers_a_call];
  const int answer = uninterrupted([&] {
    for (std::size_t index = 0; index < buffers.size(); ++index) {
      pieces[index] = {buffers[index]->memory, capacity};
      messages[index] = {};
      msghdr& message = messages[index].msg_hdr;
      message.msg_name = &peers[index];
      message.msg_namelen = sizeof(peers[index]);
      message.msg_iov = &pieces[index];
      message.msg_iovlen = 1;
    }
    return ::recvmmsg(descriptor, messages, static_cast<unsigned>(buffers.size()), MSG_DONTWAIT,
                      nullptr);
  });
  if (answer < 0) return fail(last_error());
  const auto count = static_cast<std::uint32_t>(answer);
  RUNNEL_ASSERT(count <= buffers.size());
  for (std::uint32_t index = 0; index < count; ++index) {
    io::Buffer& buffer = *buffers[index];
    const msghdr& message = messages[index].msg_hdr;
    buffer.data = buffer.memory;
    buffer.size = messages[index].msg_len;
    buffer.truncated = (message.msg_flags & MSG_TRUNC) != 0;
    buffer.peer = from_kernel(&peers[index], message.msg_namelen);
  }
  return count;
}

}  // namespace

Result<std::uint32_t> receive_into(io::Verb verb, int descriptor,
                                   std::span<io::Buffer* const> buffers, std::uint32_t capacity) {
  RUNNEL_ASSERT(!buffers.empty() && buffers.size() <= buffers_a_call);
  return verb == io::Verb::recv_stream ? receive_bytes(descriptor, buffers, capacity)
                                       : receive_datagrams(descriptor, buffers, capacity);
}

}  // namespace runnel::linux_os
