#include "sinks/syslog/syslog_format.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/civil.hpp"
#include "codec/syslog.hpp"
#include "codec/utf8.hpp"

namespace runnel::sinks {

using pipeline::EncodedEvent;

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::string_view structured_data_name = "structured_data";

// RFC 5424 section 6.
constexpr std::size_t hostname_bytes_max = 255, app_name_bytes_max = 48, procid_bytes_max = 128,
                      msgid_bytes_max = 32;
constexpr std::size_t header_bytes_max = sizeof("<191>1 2026-11-22T11:42:18.123456Z     -") +
                                         hostname_bytes_max + app_name_bytes_max +
                                         procid_bytes_max + msgid_bytes_max;
static_assert(header_bytes_max + byte_order_mark.size() + 2 <=
              SyslogFormatSettings::message_bytes_lowest);

// What a message says of these stands in its header.
bool is_field(std::string_view header) {
  constexpr std::string_view fields[] = {"facility", "severity", "timestamp", "host",
                                         "app",      "procid",   "msgid"};
  return std::ranges::find(fields, header) != std::end(fields);
}

// One message, written piece by piece into a room that may be too small.
class MessageWriter {
 public:
  MessageWriter(const SyslogFormatSettings& settings, const EncodedEvent& event,
                std::span<char> room)
      : settings_(settings), event_(event), room_(room) {}

  void write() {
    write_header();
    write_structured_data();
    write_body();
    if (settings_.framing == SyslogFraming::newline)
      std::ranges::replace(room_.first(size_), '\n', ' ');
  }
  std::size_t size() const { return size_; }
  // Something did not fit.
  bool cut() const { return cut_; }
  std::uint64_t replaced() const { return replaced_; }

 private:
  std::size_t left() const { return room_.size() - size_; }
  // All of it or nothing.
  bool add(std::string_view text) {
    if (text.size() > left()) {
      cut_ = true;
      return false;
    }
    text.copy(room_.data() + size_, text.size());
    size_ += text.size();
    return true;
  }

  void write_header() {
    const Text<8> priority('<', this->priority(), ">1 ");
    add(priority.text());
    codec::Rfc3339 time;
    add(event_.clock_known ? time.text(event_.time) : std::string_view("-"));
    const SyslogFields& fields = settings_.fields;
    write_field(fields.hostname, hostname_bytes_max, settings_.host);
    write_field(fields.app_name, app_name_bytes_max, event_.source);
    write_field(fields.procid, procid_bytes_max, {});
    write_field(fields.msgid, msgid_bytes_max, {});
    add(" ");
  }

  std::uint32_t priority() const {
    Text<FieldTemplate::field_bytes_max> text;
    settings_.fields.facility.write(event_.record, event_.source, text);
    const auto facility = codec::facility_from(text.text());
    text.clear();
    settings_.fields.severity.write(event_.record, event_.source, text);
    const auto severity = codec::severity_from(text.text());
    return facility.value_or(SyslogFormatSettings::facility_missing) * 8u +
           severity.value_or(SyslogFormatSettings::severity_missing);
  }

  void write_field(const FieldTemplate& field, std::size_t bytes_max, std::string_view missing) {
    Text<FieldTemplate::field_bytes_max> text;
    field.write(event_.record, event_.source, text);
    if (text.text().empty()) FieldTemplate::write_value(missing, text);
    if (text.text().empty()) text << '-';
    add(" ");
    add(text.text().substr(0, bytes_max));
  }

  void write_structured_data() {
    const std::size_t begin = size_;
    const auto given = event_.record.headers().find(structured_data_name);
    const bool is_theirs = given && codec::is_structured_data(*given);
    if (is_theirs) add(*given);
    // An element may be there once: it has been through here before.
    const bool is_there = is_theirs && codec::has_element(*given, settings_.element_id);
    if (settings_.element && !is_there) write_element(is_theirs);
    if (size_ == begin) add("-");
  }

  void write_element(bool without_structured_data) {
    const std::size_t begin = size_;
    const std::size_t size_max = begin + std::min(left(), settings_.message_bytes_max / 2);
    Text<codec::sd_name_bytes_max + 1> head('[', settings_.element_id);
    bool any = false;
    event_.record.headers().each([&](std::string_view name, std::string_view value) {
      if (is_field(name) || (without_structured_data && name == structured_data_name)) return;
      const std::size_t at = any ? size_ : begin + head.size();
      // The bracket at the end is still to come.
      const std::size_t room = size_max > at ? size_max - at - 1 : 0;
      TextWriter out(room_.subspan(std::min(at, room_.size()), room));
      const std::uint64_t replaced = write_parameter(name, value, out);
      if (out.cut()) {
        cut_ = true;
        return;
      }
      if (!any) add(head.text());
      any = true;
      size_ += out.size();
      replaced_ += replaced;
    });
    if (any) add("]");
  }

  static std::uint64_t write_parameter(std::string_view name, std::string_view value,
                                       TextWriter& out) {
    out << ' ';
    if (name.empty()) out << '_';  // only a foreign journal can hold such a thing
    for (const char c : name.substr(0, codec::sd_name_bytes_max))
      out << (codec::is_sd_name_byte(c) ? c : '_');
    out << "=\"";
    const std::uint64_t replaced = write_param_value(value, out);
    out << '"';
    return replaced;
  }

  // RFC 5424 section 6.3.3: UTF-8, with a backslash in front of three characters.
  static std::uint64_t write_param_value(std::string_view value, TextWriter& out) {
    std::uint64_t replaced = 0;
    while (!value.empty()) {
      const codec::Utf8Sequence sequence = codec::utf8_sequence(as_bytes(value));
      if (!sequence.valid) {
        ++replaced;
        out << "\xef\xbf\xbd";
      } else {
        const char first = value.front();
        if (first == '"' || first == '\\' || first == ']') out << '\\';
        out << value.substr(0, sequence.size);
      }
      value.remove_prefix(sequence.size);
    }
    return replaced;
  }

  void write_body() {
    const std::string_view body = as_text(event_.record.body());
    if (body.empty()) return;
    const bool marked =
        settings_.bom && !body.starts_with(byte_order_mark) && codec::is_utf8(event_.record.body());
    const std::string_view mark = marked ? byte_order_mark : std::string_view();
    if (left() < 1 + mark.size()) {
      cut_ = true;
      return;
    }
    add(" ");
    add(mark);
    if (!add(body)) add(whole_characters(body, left()));
  }

  // The longest beginning of at most so many bytes that does not end within a character.
  static std::string_view whole_characters(std::string_view text, std::size_t bytes_max) {
    constexpr std::size_t continuations_max = 3;
    const auto continues = [&](std::size_t at) {
      return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
    };
    std::size_t end = bytes_max;
    while (end > 0 && bytes_max - end < continuations_max && continues(end)) --end;
    return text.substr(0, continues(end) ? bytes_max : end);
  }

  const SyslogFormatSettings& settings_;
  const EncodedEvent& event_;
  std::span<char> room_;
  std::size_t size_ = 0;
  bool cut_ = false;
  std::uint64_t replaced_ = 0;
};

}  // namespace

std::size_t SyslogFormat::event_bytes_max(std::size_t) const {
  return settings_.message_bytes_max + 1;
}

std::optional<std::size_t> SyslogFormat::event(const EncodedEvent& event, MutableBytes into) const {
  const bool is_line = settings_.framing != SyslogFraming::datagram;
  const std::size_t end_bytes = is_line ? 1 : 0;
  if (into.size() < end_bytes) return std::nullopt;
  const std::size_t room = std::min(into.size() - end_bytes, settings_.message_bytes_max);
  MessageWriter message(settings_, event, {reinterpret_cast<char*>(into.data()), room});
  message.write();
  if (message.cut() && room < settings_.message_bytes_max) return std::nullopt;
  if (is_line) into[message.size()] = std::byte{'\n'};
  if (event.cut != nullptr) *event.cut += message.cut() ? 1u : 0u;
  if (event.replaced != nullptr) *event.replaced += message.replaced();
  return message.size() + end_bytes;
}

}  // namespace runnel::sinks
