// Reads syslog messages in the formats of RFC 5424 and RFC 3164, the latter as loosely as it is
// sent: without a host (glibc, musl and `logger` write so to /dev/log), with an ISO 8601 time (as
// rsyslog forwards), without a time or a tag. Everything it gives points into the message; nothing
// is copied, and what does not parse is given back whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/function_ref.hpp"
#include "base/text.hpp"
#include "codec/syslog_time.hpp"

namespace runnel::codec {

struct SyslogMessage {
  bool parsed = false;  // false: `message` is everything, and nothing else is set
  bool rfc5424 = false;
  bool has_time = false;
  std::uint8_t facility = 0;  // 0 to 23
  std::uint8_t severity = 0;  // 0 to 7
  std::int64_t time_ns = 0;   // since 1970, UTC
  std::string_view time;      // as it was written, in either way; empty without
  // Empty: not there, or "-" in RFC 5424. At most `syslog_field_bytes_max` each, no spaces.
  std::string_view host, app, procid, msgid;
  std::string_view structured_data;  // the raw text, well-formed: [id name="value" ...][...]
  // Without the BOM of RFC 5424 and without LF, CR or NUL at its end.
  Bytes message;
};

inline constexpr std::size_t syslog_field_bytes_max = 255;

// One message, as its datagram or frame brought it. RFC 5424 section 6 (up to nine digits of a
// second are taken, some senders write them), RFC 3164 section 4. Not parsed: no valid PRI, or
// version 1 with a header or structured data that is not well-formed.
SyslogMessage parse_syslog(Bytes bytes, const SyslogClock& clock);

// The same for messages that follow each other, which mostly state the same day.
class SyslogReader {
 public:
  explicit SyslogReader(const SyslogClock& clock = {}) : times_(clock) {}
  void set_clock(const SyslogClock& clock) { times_.set_clock(clock); }
  SyslogMessage read(Bytes bytes);

 private:
  SyslogTimes times_;
};

// Calls for every parameter of well-formed structured data, in order. The value is raw; see
// unescape_param. An element without parameters is one call with an empty name and value.
using SyslogParamVisitor =
    FunctionRef<void(std::string_view id, std::string_view name, std::string_view raw_value)>;
void each_param(std::string_view structured_data, SyslogParamVisitor visit);
// Takes \" \\ \] apart (section 6.3.3); any other backslash is itself. A buffer that is too small
// shows in `out.cut()`.
void unescape_param(std::string_view raw_value, TextWriter& out);

// Whether the text is STRUCTURED-DATA as section 6.3 has it to the letter, and not "-": names of
// PRINTUSASCII and at most 32 bytes, values in UTF-8. Only a backslash that escapes nothing is
// taken for itself, as in a reader, which is less strict with the rest, too.
bool is_structured_data(std::string_view text);
inline constexpr std::size_t sd_name_bytes_max = 32;
bool is_sd_name_byte(char c);
// Of well-formed structured data: whether it has an element of that name.
bool has_element(std::string_view structured_data, std::string_view id);

std::string_view severity_name(std::uint8_t severity);  // "emerg" to "debug"; else "unknown"
std::string_view facility_name(std::uint8_t facility);  // "kern" to "local7"; else "unknown"
// The other way round, also of their numbers: "3". Severities are known by more names ("error").
std::optional<std::uint8_t> severity_from(std::string_view text);
std::optional<std::uint8_t> facility_from(std::string_view text);

}  // namespace runnel::codec
