// Whatever a name server replies: an answer is addresses of the family that was asked for, at most
// as many as fit, with a time that is not negative; or an error without addresses.
#include "platform/cares/replies.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Exact reply(std::string_view(reinterpret_cast<const char*>(data), size));
  for (const io::Family family : {io::Family::ipv4, io::Family::ipv6}) {
    const net::NameAnswer answer = cares::read_reply(family, reply.bytes());
    FUZZ_CHECK(answer.given && answer.count <= net::NameAnswer::count_max);
    FUZZ_CHECK((answer.error == Error::none) == (answer.count > 0));
    FUZZ_CHECK(answer.time_to_live >= Duration::zero());
    FUZZ_CHECK(answer.time_to_live <= std::chrono::seconds(INT32_MAX));
    for (std::size_t index = 0; index < answer.count; ++index)
      FUZZ_CHECK(answer.addresses[index].family == family && answer.addresses[index].port == 0);
  }
  return 0;
}
