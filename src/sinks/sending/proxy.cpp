#include "sinks/sending/proxy.hpp"

#include <algorithm>

#include "codec/base64.hpp"
#include "codec/hex.hpp"
#include "codec/http/head_writer.hpp"
#include "sinks/sending/basic_authorization.hpp"

namespace runnel::sinks {

using async::Task;
using codec::http::ResponseHead;
using codec::http::ResponseReader;

namespace {

// Of a reason: the name of the proxy, and what it answers.
constexpr std::size_t reason_bytes_max = 384;
constexpr std::size_t answer_words_max = 60;
// CONNECT and Host name the destination, each with up to 262 bytes.
static_assert(2 * 262 + codec::base64_bytes(basic_secret_bytes_max) + 128 <=
              Tunnel::head_bytes_max);

// False: a % that is not %XX.
bool decode_percent(std::string_view text, std::string& into) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      into += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? codec::hex_digit(text[at + 1]) : -1;
    const int low = high >= 0 ? codec::hex_digit(text[at + 2]) : -1;
    if (low < 0) return false;
    into += static_cast<char>(high << 4 | low);
    at += 2;
  }
  return true;
}

tl::expected<std::string, std::string> authorization_from(std::string_view user_info) {
  using Wrong = tl::unexpected<std::string>;
  const auto colon = std::min(user_info.find(':'), user_info.size());
  std::string user, password;
  if (!decode_percent(user_info.substr(0, colon), user) ||
      !decode_percent(user_info.substr(std::min(colon + 1, user_info.size())), password))
    return Wrong("has a % in its user or password that is not %XX: write it as %25");
  if (user.empty()) return Wrong("has an @, but no user in front of it");
  if (user.find(':') != user.npos) return Wrong("has a colon in its user");
  const std::string both = user + ":" + password;
  if (both.size() > basic_secret_bytes_max)
    return Wrong("has a user and password of more than 1 KiB");
  if (!codec::http::is_value(both)) return Wrong("has control characters in its user or password");
  return basic_authorization(both);
}

std::string_view what_it_did(Error error) {
  switch (error) {
    case Error::closed:
    case Error::reset:
      return " ended the connection instead of answering";
    case Error::timed_out:
      return " has not answered in time";
    case Error::malformed:
      return " answers something else than HTTP";
    case Error::too_large:
      return " answers with a head of more than 4 KiB";
    default:
      return {};
  }
}

}  // namespace

tl::expected<Proxy, std::string> parse_proxy(std::string_view text) {
  using Wrong = tl::unexpected<std::string>;
  constexpr std::string_view scheme = "http://", secure_scheme = "https://";
  if (text.starts_with(secure_scheme))
    return Wrong("begins with https://, but the way to a proxy is not encrypted: write http://");
  const bool has_scheme = text.starts_with(scheme);
  if (has_scheme) text.remove_prefix(scheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  const auto at = text.rfind('@');
  const std::string_view host = at == text.npos ? text : text.substr(at + 1);
  auto endpoint = parse_endpoint(host);
  if (!has_scheme || !endpoint || host.find('/') != host.npos)
    return Wrong("is no address such as \"http://proxy.example.org:3128\"");
  Proxy proxy{std::move(*endpoint), {}};
  if (at == text.npos) return proxy;
  auto authorization = authorization_from(text.substr(0, at));
  if (!authorization) return Wrong(std::move(authorization.error()));
  proxy.authorization = std::move(*authorization);
  return proxy;
}

MutableBytes Tunnel::carve(Region& region) {
  constexpr std::size_t frame_bytes = 768;
  region.frames(3, frame_bytes);  // open, read_answer, and who opens it
  return region.bytes(head_bytes_max + reason_bytes_max, "proxy: request and answer");
}

Tunnel::Tunnel(const Proxy& proxy, MutableBytes memory)
    : proxy_(proxy),
      buffer_(memory.first(head_bytes_max)),
      reason_({reinterpret_cast<char*>(memory.data() + head_bytes_max), reason_bytes_max}) {}

Task<Status> Tunnel::open(net::TcpStream& stream, const Endpoint& to, Instant deadline) {
  reason_.clear();
  unread_ = {};
  const auto request = write_request(to);
  if (!request) co_return request.error();
  Status status = co_await stream.write(*request, deadline);
  if (status) status = co_await read_answer(stream, deadline);
  if (!status && reason_.size() == 0) explain(status.error());
  co_return status;
}

Result<Bytes> Tunnel::write_request(const Endpoint& to) {
  Text<300> authority;
  authority << to;
  TextWriter out({reinterpret_cast<char*>(buffer_.data()), buffer_.size()});
  codec::http::HeadWriter head(out);
  head.request("CONNECT", authority.text(), authority.text());
  if (!proxy_.authorization.empty()) head.field("Proxy-Authorization", proxy_.authorization);
  const Status written = head.end();
  if (!written) return fail(written.error());
  return as_bytes(out.text());
}

// Where the request stood: it has been sent.
Task<Status> Tunnel::read_answer(net::TcpStream& stream, Instant deadline) {
  codec::http::HeadLimits limits;
  limits.head_bytes_max = head_bytes_max;
  ResponseReader reader(codec::http::Asked::tunnel, limits);
  ResponseHead answer;
  std::size_t end = 0;
  for (;;) {
    const auto step = reader.look(Bytes(buffer_).first(end), answer);
    if (step.kind == ResponseReader::Step::Kind::broken) co_return step.error;
    if (step.kind == ResponseReader::Step::Kind::head)
      co_return judge(answer, Bytes(buffer_).subspan(step.consumed, end - step.consumed));
    RUNNEL_ASSERT(end < buffer_.size());
    const auto received = co_await stream.read(buffer_.subspan(end), deadline);
    if (!received) co_return received.error();
    end += *received;
  }
}

Status Tunnel::judge(const ResponseHead& answer, Bytes behind) {
  if (answer.status >= 200 && answer.status < 300) {
    unread_ = behind;
    return {};
  }
  reason_ << "the proxy " << proxy_.endpoint;
  // Some say 401, which is an origin server's, when the password is wrong.
  if (answer.status == 407 || answer.status == 401) {
    reason_ << (proxy_.authorization.empty() ? " wants a user and a password"
                                             : " does not take our user and password");
    return Error::access;
  }
  reason_ << " answers " << answer.status << ' ' << answer.reason.substr(0, answer_words_max);
  return Error::refused;
}

void Tunnel::explain(Error error) {
  reason_ << "the proxy " << proxy_.endpoint << what_it_did(error);
}

void Tunnel::explain_unreached(Error error) {
  reason_.clear();
  reason_ << (error == Error::not_found ? "no name server knows the name of the proxy "
                                        : "cannot reach the proxy ")
          << proxy_.endpoint;
}

std::uint32_t Tunnel::take(MutableBytes into) {
  const std::size_t size = std::min(into.size(), unread_.size());
  put_bytes(into.data(), unread_.first(size));
  unread_ = unread_.subspan(size);
  return static_cast<std::uint32_t>(size);
}

}  // namespace runnel::sinks
