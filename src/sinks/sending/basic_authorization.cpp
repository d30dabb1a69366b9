#include "sinks/sending/basic_authorization.hpp"

#include "base/assert.hpp"
#include "codec/base64.hpp"

namespace runnel::sinks {

std::string basic_authorization(std::string_view user_and_password) {
  RUNNEL_ASSERT(user_and_password.size() <= basic_secret_bytes_max);
  Text<codec::base64_bytes(basic_secret_bytes_max)> encoded;
  codec::write_base64(encoded, as_bytes(user_and_password));
  return "Basic " + std::string(encoded.text());
}

}  // namespace runnel::sinks
