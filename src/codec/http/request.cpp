#include "codec/http/request.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/text_cursor.hpp"

namespace runnel::codec::http {
namespace {

constexpr std::uint16_t good = 0;

struct MethodName {
  std::string_view name;
  Method method;
};
constexpr MethodName method_names[] = {
    {"GET", Method::get},         {"HEAD", Method::head},   {"POST", Method::post},
    {"PUT", Method::put},         {"PATCH", Method::patch}, {"DELETE", Method::remove},
    {"OPTIONS", Method::options}, {"TRACE", Method::trace},
};

// Names are case-sensitive (RFC 9110 section 9.1).
Method method_from(std::string_view name) {
  for (const MethodName& known : method_names)
    if (known.name == name) return known.method;
  return Method::other;
}

// uri-host [ ":" port ], by its bytes; no user may stand in it (RFC 9112 section 3.2.3).
bool is_host(std::string_view text) {
  constexpr std::string_view marks = "-._~!$&'()*+,;=%:[]";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (!is_digit(byte) && !is_letter(byte) && marks.find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

// Visible ASCII; a fragment is not sent (RFC 9112 section 3.2).
bool is_target(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte <= ' ' || byte >= 0x7f || byte == '#') return false;
  }
  return true;
}

// "http://host/path" becomes "/path" and its host, which counts instead of the field's.
bool take_authority(std::string_view& target, std::string_view& host) {
  constexpr std::string_view scheme = "http://";
  if (target.size() < scheme.size() || !same_word(target.substr(0, scheme.size()), scheme))
    return false;
  target.remove_prefix(scheme.size());
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  host = target.substr(0, end);
  target.remove_prefix(end);
  return !host.empty() && is_host(host);
}

std::uint16_t read_target(std::string_view target, RequestHead& head) {
  if (!is_target(target)) return 400;
  if (target == "*" && head.method == Method::options) {
    head.path = target;
    return good;
  }
  if (!target.starts_with('/') && !take_authority(target, head.host)) return 400;
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  if (head.path.empty()) head.path = "/";
  if (question != std::string_view::npos) head.query = target.substr(question + 1);
  return good;
}

// method SP request-target SP HTTP-version
std::uint16_t read_request_line(std::string_view line, std::uint32_t target_bytes_max,
                                RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first + 1) return 400;
  head.method_name = line.substr(0, first);
  if (!is_token(head.method_name)) return 400;
  const std::string_view version = line.substr(last + 1);
  TextCursor cursor(version.substr(std::min<std::size_t>(version.size(), 5)));
  std::uint32_t major = 0;
  if (!version.starts_with("HTTP/") || !cursor.digits(1, major) || !cursor.take('.') ||
      !cursor.digits(1, head.minor_version) || !cursor.at_end())
    return 400;
  if (major != 1) return 505;
  if (head.method_name == "CONNECT") return 501;
  head.method = method_from(head.method_name);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  return target.size() > target_bytes_max ? std::uint16_t{414} : read_target(target, head);
}

std::uint16_t read_host(RequestHead& head) {
  std::uint32_t count = 0;
  std::string_view host;
  head.fields.each([&](const Field& field) {
    if (!same_word(field.name, "host")) return;
    ++count;
    host = field.value;
  });
  if (count > 1 || (count == 0 && head.minor_version > 0) || !is_host(host)) return 400;
  if (head.host.empty()) head.host = host;
  return good;
}

std::uint16_t read_expectation(RequestHead& head) {
  const auto expectation = head.fields.find("expect");
  if (!expectation || head.minor_version == 0) return good;
  if (!same_word(*expectation, "100-continue")) return 417;
  head.expects_continue = head.body.kind != BodyFraming::Kind::none;
  return good;
}

}  // namespace

RequestReader::Step RequestReader::look(Bytes so_far, RequestHead& head) {
  RUNNEL_ASSERT(begin_ <= so_far.size());
  for (;;) {
    const std::string_view text = as_text(so_far.subspan(begin_));
    if (text.empty()) return {};
    // What speaks another protocol, TLS for one, is noticed at its first byte.
    const auto first = static_cast<std::uint8_t>(text.front());
    if (!is_token(first) && (first != '\r' || begin_ > 0)) return broken(400);
    const auto size =
        end_.look(text, limits_.head.head_bytes_max - static_cast<std::uint32_t>(begin_));
    if (!size && size.error() == Error::too_large)
      return broken(end_.in_first_line() ? std::uint16_t{414} : std::uint16_t{431});
    if (!size) return broken(400);
    if (*size == 0) return {};
    if (*size == 2) {
      begin_ = 2;
      end_ = HeadEnd();
      continue;
    }
    const std::uint16_t status = read(text.substr(0, *size), head);
    if (status != good) return broken(status);
    return {Step::Kind::head, good, begin_ + *size};
  }
}

std::uint16_t RequestReader::read(std::string_view text, RequestHead& head) const {
  text.remove_suffix(2);
  head = {};
  std::uint16_t status = read_request_line(take_line(text), limits_.target_bytes_max, head);
  if (status != good) return status;
  const auto fields = Fields::parse(text, limits_.head.fields_max);
  if (!fields) return fields.error() == Error::too_large ? 431 : 400;
  head.fields = *fields;
  status = read_host(head);
  if (status != good) return status;
  const MessageFields message = message_fields(*fields);
  const auto framing = message.framing(head.minor_version);
  if (!framing) return framing.error() == Error::unsupported ? 501 : 400;
  head.body = *framing;
  head.keep_alive = message.keep_alive(head.minor_version);
  return read_expectation(head);
}

}  // namespace runnel::codec::http
