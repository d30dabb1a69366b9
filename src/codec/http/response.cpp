#include "codec/http/response.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/text_cursor.hpp"

namespace runnel::codec::http {
namespace {

struct StatusLine {
  std::uint32_t minor_version;
  std::uint32_t status;
  std::string_view reason;
};

// HTTP-version SP status-code SP [ reason-phrase ]. Some servers leave the last blank away with the
// reason; nothing can be mistaken in that.
Result<StatusLine> read_status_line(std::string_view line) {
  TextCursor cursor(line.substr(std::min<std::size_t>(line.size(), 7)));
  StatusLine found{};
  if (!line.starts_with("HTTP/1.") || !cursor.digits(1, found.minor_version) || !cursor.take(' ') ||
      !cursor.digits(3, found.status) || found.status < 100 || found.status > 599)
    return fail(Error::malformed);
  if (!cursor.at_end() && !cursor.take(' ')) return fail(Error::malformed);
  found.reason = cursor.rest();
  if (!is_value(found.reason)) return fail(Error::malformed);
  return found;
}

}  // namespace

// Every turn passes over one head, or returns.
ResponseReader::Step ResponseReader::look(Bytes so_far, ResponseHead& head) {
  RUNNEL_ASSERT(begin_ <= so_far.size());
  for (;;) {
    const std::string_view text = as_text(so_far.subspan(begin_));
    // What speaks another protocol is noticed before it has filled the buffer.
    constexpr std::string_view beginning = "HTTP/1.";
    if (!beginning.starts_with(text.substr(0, beginning.size()))) return broken(Error::malformed);
    const std::size_t room = limits_.head_bytes_max - begin_;
    const auto size = end_.look(text, static_cast<std::uint32_t>(room));
    if (!size) return broken(size.error());
    if (*size == 0) return {};
    const Error error = read(text.substr(0, *size), head);
    if (error != Error::none) return broken(error);
    begin_ += *size;
    if (head.status >= 200) return {Step::Kind::head, Error::none, begin_};
    end_ = HeadEnd();
  }
}

Error ResponseReader::read(std::string_view text, ResponseHead& head) const {
  text.remove_suffix(2);
  const auto line = read_status_line(take_line(text));
  if (!line) return line.error();
  const auto fields = Fields::parse(text, limits_.fields_max);
  if (!fields) return fields.error();
  head = {};
  head.status = static_cast<std::uint16_t>(line->status);
  head.reason = line->reason;
  head.fields = *fields;
  if (head.status == 101) return Error::unsupported;
  if (head.status < 200) return Error::none;

  const MessageFields message = message_fields(*fields);
  const bool success = head.status < 300;
  if (asked_ == Asked::tunnel && success) {
    head.keep_alive = true;
    return Error::none;
  }
  const auto framing = message.framing(line->minor_version);
  if (!framing) return framing.error();
  head.keep_alive = message.keep_alive(line->minor_version);
  if (asked_ == Asked::head || head.status == 304) return Error::none;
  if (head.status == 204) {
    // It says that it has none. One that says both may send one: nothing is read after it.
    const bool none = framing->kind == BodyFraming::Kind::none ||
                      *framing == BodyFraming{BodyFraming::Kind::sized, 0};
    head.keep_alive = head.keep_alive && none;
    return Error::none;
  }
  head.body = *framing;
  if (head.body.kind == BodyFraming::Kind::none) {
    head.body.kind = BodyFraming::Kind::until_close;
    head.keep_alive = false;
  }
  return Error::none;
}

}  // namespace runnel::codec::http
