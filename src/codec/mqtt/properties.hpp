// The properties of MQTT 5 (section 2.2.2): read one by one, each checked for its type, its range
// and its place, so that who reads only picks what it needs and everything else is stepped over.
#pragma once

#include <cstdint>
#include <string_view>

#include "codec/mqtt/cursor.hpp"

namespace runnel::codec::mqtt {

enum class PropertyId : std::uint8_t {
  payload_format = 0x01,
  message_expiry = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

struct Property {
  PropertyId id = PropertyId::user_property;
  std::uint32_t number = 0;  // of a property that is one
  std::string_view text;     // of a text or of binary data; a user property's value
  std::string_view name;     // of a user property
};

// Whose properties they are: each packet has its own set.
enum class PropertyPlace : std::uint8_t { connack, publish, acknowledgement, disconnect };

class PropertyReader {
 public:
  // Takes the length and the properties off `in`. When they are cut off, `next` fails.
  PropertyReader(PropertyPlace place, Cursor& in);

  enum class Step : std::uint8_t { property, end, malformed };
  // `malformed` includes what section 2.2.2.2 calls a protocol error: one that does not belong
  // here, that is there twice, or whose value is out of its range.
  Step next(Property& property);

 private:
  Cursor in_;
  std::uint64_t allowed_;  // a bit for each identifier
  std::uint64_t seen_ = 0;
  bool broken_ = false;
};

}  // namespace runnel::codec::mqtt
