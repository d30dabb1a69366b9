#include "codec/syslog.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "codec/syslog_time.hpp"
#include "codec/text_cursor.hpp"
#include "codec/utf8.hpp"

namespace runnel::codec {
namespace {

// <0> to <191>, RFC 5424 section 6.2.1.
bool parse_priority(TextCursor& in, SyslogMessage& message) {
  if (!in.take('<')) return false;
  std::uint32_t value = 0;
  std::uint32_t digit;
  int count = 0;
  for (; count < 3 && in.digits(1, digit); ++count) value = value * 10 + digit;
  if (count == 0 || !in.take('>') || value > 191) return false;
  message.facility = static_cast<std::uint8_t>(value / 8);
  message.severity = static_cast<std::uint8_t>(value % 8);
  return true;
}

// HOSTNAME, APP-NAME, PROCID, MSGID: a word and the space behind it.
bool parse_field(TextCursor& in, std::string_view& field) {
  field = in.word();
  if (field.empty() || field.size() > syslog_field_bytes_max) return false;
  if (field == "-") field = {};
  return in.take(' ');
}

// SD-NAME: anything printable except = ] " and the space.
bool parse_sd_name(TextCursor& in, std::string_view& name) {
  name = in.word<'=', ']', '"'>();
  return !name.empty();
}

bool parse_sd_value(TextCursor& in, std::string_view& raw) {
  if (!in.take('"')) return false;
  const char* start = in.place();
  while (true) {
    in.skip_to<'"', ']', '\\'>();
    if (in.at_end() || in.peek() == ']') return false;
    if (in.peek() == '"') {
      raw = in.since(start);
      in.skip(1);
      return true;
    }
    in.skip(1);
    const char next = in.peek();
    if (next == '"' || next == '\\' || next == ']') in.skip(1);
  }
}

// SD-ELEMENTs until something else comes. `visit` sees what each_param promises.
template <class Visit>
bool parse_elements(TextCursor& in, Visit&& visit) {
  while (in.take('[')) {
    std::string_view id, name, raw;
    if (!parse_sd_name(in, id)) return false;
    bool any = false;
    while (in.take(' ')) {
      if (!parse_sd_name(in, name) || !in.take('=') || !parse_sd_value(in, raw)) return false;
      visit(id, name, raw);
      any = true;
    }
    if (!in.take(']')) return false;
    if (!any) visit(id, std::string_view(), std::string_view());
  }
  return true;
}

bool parse_structured_data(TextCursor& in, std::string_view& structured_data) {
  if (in.take('-')) return true;
  const char* start = in.place();
  if (in.peek() != '[' || !parse_elements(in, [](auto, auto, auto) {})) return false;
  structured_data = in.since(start);
  return true;
}

// Senders end datagrams, and frames that they also counted, with a newline or a NUL.
Bytes trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == '\0'))
    text.remove_suffix(1);
  return as_bytes(text);
}

// Behind "<PRI>1 ".
bool parse_5424(TextCursor in, SyslogTimes& times, SyslogMessage& message) {
  if (!in.take('-')) {
    const char* start = in.place();
    if (!times.parse_iso(in, message.time_ns)) return false;
    message.has_time = true;
    message.time = in.since(start);
  }
  if (!in.take(' ')) return false;
  if (!parse_field(in, message.host) || !parse_field(in, message.app) ||
      !parse_field(in, message.procid) || !parse_field(in, message.msgid) ||
      !parse_structured_data(in, message.structured_data))
    return false;
  if (in.take(' ')) {
    std::string_view text = in.rest();
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    message.message = trimmed(text);
  } else if (!trimmed(in.rest()).empty()) {
    return false;
  }
  message.rfc5424 = true;
  return true;
}

// "tag:", "tag[pid]:" or "tag[pid]" and the space behind it. Moves only if one is there: without a
// colon or a bracket the first word belongs to the message.
bool parse_tag(TextCursor& in, SyslogMessage& message) {
  TextCursor ahead = in;
  const std::string_view tag = ahead.word<':', '['>();
  std::string_view pid;
  if (tag.empty() || tag.size() > syslog_field_bytes_max) return false;
  if (ahead.take('[')) {
    pid = ahead.word<']'>();
    if (pid.size() > syslog_field_bytes_max || !ahead.take(']')) return false;
    ahead.take(':');
    if (!ahead.at_end() && ahead.peek() != ' ') return false;
  } else if (!ahead.take(':')) {
    return false;
  }
  ahead.take(' ');
  message.app = tag;
  message.procid = pid;
  in = ahead;
  return true;
}

// A tag, not a host, by its look: "su:", "sshd[123]:". A host may hold colons (IPv6) but not end
// with one, and no bracket behind its first byte.
bool looks_like_tag(std::string_view word) {
  return word.back() == ':' || word.find('[', 1) != std::string_view::npos;
}

// Behind "<PRI>". Whatever is not there is left empty; RFC 3164 section 4.3 takes everything.
void parse_3164(TextCursor in, SyslogTimes& times, SyslogMessage& message) {
  TextCursor timed = in;
  const char first = in.peek();
  message.has_time = first >= '0' && first <= '9' ? times.parse_iso(timed, message.time_ns)
                                                  : times.parse_bsd(timed, message.time_ns);
  // Without a time nothing says whether a host or a tag follows: nothing is guessed.
  const std::string_view time = timed.since(in.place());
  if (!message.has_time || !timed.take(' ')) {
    message.has_time = false;
    message.time_ns = 0;
    message.message = trimmed(in.rest());
    return;
  }
  message.time = time;
  in = timed;
  const std::string_view word = timed.word();
  const bool host = !word.empty() && word.size() <= syslog_field_bytes_max && timed.take(' ') &&
                    !looks_like_tag(word);
  if (host) {
    message.host = word;
    in = timed;
  }
  parse_tag(in, message);
  message.message = trimmed(in.rest());
}

bool parse(TextCursor in, SyslogTimes& times, SyslogMessage& message) {
  if (!parse_priority(in, message)) return false;
  TextCursor versioned = in;
  if (versioned.take('1') && versioned.take(' ')) return parse_5424(versioned, times, message);
  parse_3164(in, times, message);
  return true;
}

constexpr std::string_view severity_names[] = {"emerg",   "alert",  "crit", "err",
                                               "warning", "notice", "info", "debug"};
constexpr std::string_view facility_names[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

// What else people write.
struct OtherName {
  std::string_view name;
  std::uint8_t number;
};
constexpr OtherName other_severities[] = {{"emergency", 0}, {"panic", 0}, {"critical", 2},
                                          {"error", 3},     {"warn", 4},  {"informational", 6}};

std::optional<std::uint8_t> number_of(std::string_view text,
                                      std::span<const std::string_view> names) {
  for (std::size_t index = 0; index < names.size(); ++index)
    if (names[index] == text) return static_cast<std::uint8_t>(index);
  const auto number = parse_number(text);
  if (!number || *number >= names.size()) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

bool is_sd_name(std::string_view name) {
  return name.size() <= sd_name_bytes_max && std::ranges::all_of(name, is_sd_name_byte);
}

}  // namespace

SyslogMessage SyslogReader::read(Bytes bytes) {
  SyslogMessage message;
  message.parsed = parse(TextCursor(as_text(bytes)), times_, message);
  if (!message.parsed) [[unlikely]] {
    message = SyslogMessage();
    message.message = bytes;
  }
  return message;
}

SyslogMessage parse_syslog(Bytes bytes, const SyslogClock& clock) {
  return SyslogReader(clock).read(bytes);
}

void each_param(std::string_view structured_data, SyslogParamVisitor visit) {
  TextCursor in(structured_data);
  parse_elements(in, visit);
}

void unescape_param(std::string_view raw_value, TextWriter& out) {
  while (!raw_value.empty()) {
    const std::size_t slash = raw_value.find('\\');
    out << raw_value.substr(0, slash);
    if (slash == std::string_view::npos) return;
    raw_value.remove_prefix(slash);
    const char next = raw_value.size() > 1 ? raw_value[1] : '\0';
    const bool escapes = next == '"' || next == '\\' || next == ']';
    out << (escapes ? next : '\\');
    raw_value.remove_prefix(escapes ? 2 : 1);
  }
}

bool is_structured_data(std::string_view text) {
  TextCursor in(text);
  bool exact = in.peek() == '[';
  const auto look = [&](std::string_view id, std::string_view name, std::string_view raw_value) {
    exact = exact && is_sd_name(id) && is_sd_name(name) && is_utf8(as_bytes(raw_value));
  };
  SyslogParamVisitor visit(look);
  return parse_elements(in, visit) && in.at_end() && exact;
}

bool is_sd_name_byte(char c) { return c > ' ' && c < '\x7f' && c != '=' && c != ']' && c != '"'; }

bool has_element(std::string_view structured_data, std::string_view id) {
  bool found = false;
  each_param(structured_data, [&](std::string_view each, std::string_view, std::string_view) {
    found = found || each == id;
  });
  return found;
}

std::string_view severity_name(std::uint8_t severity) {
  return severity < std::size(severity_names) ? severity_names[severity] : "unknown";
}
std::string_view facility_name(std::uint8_t facility) {
  return facility < std::size(facility_names) ? facility_names[facility] : "unknown";
}
std::optional<std::uint8_t> severity_from(std::string_view text) {
  for (const OtherName& other : other_severities)
    if (other.name == text) return other.number;
  return number_of(text, severity_names);
}
std::optional<std::uint8_t> facility_from(std::string_view text) {
  return number_of(text, facility_names);
}

}  // namespace runnel::codec
