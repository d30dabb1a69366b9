#include "codec/http/head_writer.hpp"

#include "codec/http/grammar.hpp"

namespace runnel::codec::http {
namespace {

struct Reason {
  std::uint16_t status;
  std::string_view text;
};
constexpr Reason reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

bool is_visible(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte <= ' ' || byte >= 0x7f) return false;
  }
  return !text.empty();
}

}  // namespace

std::string_view reason_of(std::uint16_t status) {
  for (const Reason& known : reasons)
    if (known.status == status) return known.text;
  return {};
}

HeadWriter& HeadWriter::request(std::string_view method, std::string_view target,
                                std::string_view host) {
  malformed_ = malformed_ || !is_token(method) || !is_visible(target);
  out_ << method << ' ' << target << " HTTP/1.1\r\n";
  return field("Host", host);
}

HeadWriter& HeadWriter::response(std::uint16_t status) {
  malformed_ = malformed_ || status < 100 || status > 599;
  out_ << "HTTP/1.1 " << status << ' ' << reason_of(status);
  return end_line();
}

HeadWriter& HeadWriter::field(std::string_view name, std::string_view value) {
  return begin(name).add(value).end_line();
}

HeadWriter& HeadWriter::begin(std::string_view name) {
  malformed_ = malformed_ || !is_token(name);
  out_ << name << ": ";
  return *this;
}

HeadWriter& HeadWriter::add(std::string_view part) {
  malformed_ = malformed_ || !is_value(part);
  out_ << part;
  return *this;
}

HeadWriter& HeadWriter::add_number(std::uint64_t number) {
  out_ << number;
  return *this;
}

HeadWriter& HeadWriter::end_line() {
  out_ << "\r\n";
  return *this;
}

Status HeadWriter::end() {
  end_line();
  if (malformed_) return Error::malformed;
  return out_.cut() ? Error::too_large : Error::none;
}

}  // namespace runnel::codec::http
