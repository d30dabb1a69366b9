#include "codec/mqtt/properties.hpp"

#include <initializer_list>

namespace runnel::codec::mqtt {
namespace {

using Id = PropertyId;

constexpr std::uint64_t bit(Id id) { return std::uint64_t{1} << static_cast<std::uint8_t>(id); }
constexpr std::uint64_t bits(std::initializer_list<Id> ids) {
  std::uint64_t all = 0;
  for (const Id id : ids) all |= bit(id);
  return all;
}
constexpr std::uint32_t id_end = static_cast<std::uint32_t>(Id::shared_subscription_available) + 1;

constexpr std::uint64_t of_acknowledgement = bits({Id::reason_string, Id::user_property});
constexpr std::uint64_t of_disconnect =
    of_acknowledgement | bits({Id::session_expiry, Id::server_reference});
constexpr std::uint64_t of_connack =
    of_disconnect |
    bits({Id::assigned_client_identifier, Id::server_keep_alive, Id::authentication_method,
          Id::authentication_data, Id::response_information, Id::receive_maximum,
          Id::topic_alias_maximum, Id::maximum_qos, Id::retain_available, Id::maximum_packet_size,
          Id::wildcard_subscription_available, Id::subscription_identifier_available,
          Id::shared_subscription_available});
constexpr std::uint64_t of_publish =
    bits({Id::payload_format, Id::message_expiry, Id::content_type, Id::response_topic,
          Id::correlation_data, Id::subscription_identifier, Id::topic_alias, Id::user_property});
constexpr std::uint64_t repeatable = bits({Id::user_property, Id::subscription_identifier});

std::uint64_t allowed_at(PropertyPlace place) {
  switch (place) {
    case PropertyPlace::connack:
      return of_connack;
    case PropertyPlace::publish:
      return of_publish;
    case PropertyPlace::acknowledgement:
      return of_acknowledgement;
    case PropertyPlace::disconnect:
      return of_disconnect;
  }
  return 0;
}

bool take_flag(Cursor& in, std::uint32_t& number) {
  std::uint8_t value;
  if (!in.take(value) || value > 1) return false;
  number = value;
  return true;
}
bool take_short(Cursor& in, std::uint32_t& number, std::uint32_t least) {
  std::uint16_t value;
  if (!in.take(value) || value < least) return false;
  number = value;
  return true;
}

bool take_value(Cursor& in, Property& property) {
  switch (property.id) {
    case Id::payload_format:
    case Id::request_problem_information:
    case Id::request_response_information:
    case Id::maximum_qos:
    case Id::retain_available:
    case Id::wildcard_subscription_available:
    case Id::subscription_identifier_available:
    case Id::shared_subscription_available:
      return take_flag(in, property.number);
    case Id::server_keep_alive:
    case Id::topic_alias_maximum:
      return take_short(in, property.number, 0);
    case Id::receive_maximum:
    case Id::topic_alias:
      return take_short(in, property.number, 1);
    case Id::message_expiry:
    case Id::session_expiry:
    case Id::will_delay:
      return in.take(property.number);
    case Id::maximum_packet_size:
      return in.take(property.number) && property.number > 0;
    case Id::subscription_identifier:
      return in.take_variable(property.number) && property.number > 0;
    case Id::content_type:
    case Id::response_topic:
    case Id::assigned_client_identifier:
    case Id::authentication_method:
    case Id::response_information:
    case Id::server_reference:
    case Id::reason_string:
      return in.take_text(property.text);
    case Id::correlation_data:
    case Id::authentication_data: {
      Bytes data;
      if (!in.take_binary(data)) return false;
      property.text = as_text(data);
      return true;
    }
    case Id::user_property:
      return in.take_text(property.name) && in.take_text(property.text);
  }
  return false;
}

}  // namespace

PropertyReader::PropertyReader(PropertyPlace place, Cursor& in)
    : in_(Bytes()), allowed_(allowed_at(place)) {
  std::uint32_t size;
  Bytes properties;
  broken_ = !in.take_variable(size) || !in.take(size, properties);
  in_ = Cursor(properties);
}

PropertyReader::Step PropertyReader::next(Property& property) {
  if (!broken_ && in_.at_end()) return Step::end;
  std::uint32_t id;
  broken_ = broken_ || !in_.take_variable(id) || id >= id_end;
  if (broken_) return Step::malformed;
  property = Property();
  property.id = static_cast<Id>(id);
  const std::uint64_t this_one = bit(property.id);
  broken_ = (allowed_ & this_one) == 0 || (seen_ & this_one & ~repeatable) != 0 ||
            !take_value(in_, property);
  seen_ |= this_one;
  return broken_ ? Step::malformed : Step::property;
}

}  // namespace runnel::codec::mqtt
