// A name server's reply, read by c-ares, as an answer. The bytes are hostile.
#pragma once

#include "base/bytes.hpp"
#include "net/name_service.hpp"

namespace runnel::cares {

// c-ares' own status as an Error; see net::NameAnswer for what they mean there.
Error error_from_status(int status);

// `reply` is a whole message (RFC 1035 section 4) that c-ares has accepted as the reply to a
// question for addresses of `family`. Does not look at its header's code.
net::NameAnswer read_reply(io::Family family, Bytes reply);

}  // namespace runnel::cares
