// Events as syslog messages (RFC 5424 section 6):
//   <134>1 2026-11-22T11:42:18.123456Z gw app 4711 ID47 [runnel@32473 path="/var/log/a"] the body
// What an event has as structured data goes as it came, if it is; headers that are no fields of
// the message become parameters of an element of our own. A message that would be longer than
// `message_bytes_max` loses first what does not fit of the structured data (whole parameters, and
// of our element whatever is beyond half of the message), then the end of its body.
#pragma once

#include <string>

#include "pipeline/record_format.hpp"
#include "sinks/syslog/field_template.hpp"

namespace runnel::sinks {

enum class SyslogFraming : std::uint8_t {
  datagram,       // nothing around a message
  newline,        // one behind it; those within it become spaces (RFC 6587 section 3.4.2)
  octet_counted,  // the same, without spaces: the encoder puts the count in its place
};

struct SyslogFields {
  FieldTemplate facility, severity, hostname, app_name, procid, msgid;
};

struct SyslogFormatSettings {
  // RFC 3164 section 4.3.3, for what states no priority.
  static constexpr std::uint8_t facility_missing = 1;  // user
  static constexpr std::uint8_t severity_missing = 5;  // notice
  // The longest header there is, and a little of a body.
  static constexpr std::size_t message_bytes_lowest = 512;

  SyslogFields fields;
  std::string host;  // of a message without a host
  bool element = true;
  std::string element_id = "runnel@32473";
  bool bom = false;
  std::size_t message_bytes_max = 8 * 1024;
  SyslogFraming framing = SyslogFraming::octet_counted;
};

class SyslogFormat final : public pipeline::RecordFormat {
 public:
  explicit SyslogFormat(const SyslogFormatSettings& settings) : settings_(settings) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

 private:
  const SyslogFormatSettings& settings_;
};

}  // namespace runnel::sinks
