#include "platform/cares/replies.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <ares.h>

#include "base/assert.hpp"

namespace runnel::cares {
namespace {

using net::NameAnswer;

constexpr int wanted = static_cast<int>(NameAnswer::count_max);

const unsigned char* start_of(Bytes reply) {
  return reinterpret_cast<const unsigned char*>(reply.data());
}

// Record is ares_addrttl or ares_addr6ttl; both families have the same fields by other names.
template <class Record, class IpOf>
NameAnswer answer_from(int status, const std::array<Record, NameAnswer::count_max>& records,
                       int count, io::Family family, IpOf ip_of) {
  NameAnswer answer;
  answer.given = true;
  answer.error = error_from_status(status);
  if (answer.error != Error::none) return answer;
  RUNNEL_ASSERT(count >= 0 && count <= wanted);
  if (count == 0) answer.error = Error::not_found;
  answer.time_to_live = Duration::max();
  for (std::size_t index = 0; index < static_cast<std::size_t>(count); ++index) {
    io::Address& address = answer.addresses[answer.count++];
    address.family = family;
    const auto& ip = ip_of(records[index]);
    static_assert(sizeof(ip) <= sizeof(address.ip));
    std::memcpy(address.ip.data(), &ip, sizeof(ip));
    const Duration good_for = std::chrono::seconds(std::max(records[index].ttl, 0));
    answer.time_to_live = std::min(answer.time_to_live, good_for);
  }
  if (count == 0) answer.time_to_live = Duration::zero();
  return answer;
}

}  // namespace

Error error_from_status(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return Error::none;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
      return Error::not_found;
    case ARES_ETIMEOUT:
      return Error::timed_out;
    case ARES_ENOMEM:
      return Error::no_memory;
    case ARES_EBADNAME:
      return Error::malformed;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
      return Error::cancelled;
    default:  // they refuse, fail, talk nonsense, or cannot be reached
      return Error::unreachable;
  }
}

NameAnswer read_reply(io::Family family, Bytes reply) {
  const int size = static_cast<int>(std::min<std::size_t>(reply.size(), UINT16_MAX));
  int count = wanted;
  if (family == io::Family::ipv6) {
    std::array<ares_addr6ttl, NameAnswer::count_max> records;
    const int status =
        ::ares_parse_aaaa_reply(start_of(reply), size, nullptr, records.data(), &count);
    return answer_from(status, records, count, family,
                       [](const ares_addr6ttl& record) -> auto& { return record.ip6addr; });
  }
  std::array<ares_addrttl, NameAnswer::count_max> records;
  const int status = ::ares_parse_a_reply(start_of(reply), size, nullptr, records.data(), &count);
  return answer_from(status, records, count, family,
                     [](const ares_addrttl& record) -> auto& { return record.ipaddr; });
}

}  // namespace runnel::cares
