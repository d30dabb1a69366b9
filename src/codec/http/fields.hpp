// The field lines of a message's head (RFC 9112 section 5), checked once as a whole and then looked
// at where they are. Nothing is copied: all views are into the head, and valid as long as it is.
//
// Refused: folded lines, blanks around a name, control bytes, more fields than allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "codec/http/body.hpp"
#include "codec/http/grammar.hpp"

namespace runnel::codec::http {

struct HeadLimits {
  std::uint32_t head_bytes_max = 8192;  // with its empty line, and all that came before it
  std::uint32_t fields_max = 64;
};

struct Field {
  std::string_view name;   // as it was written; compare with `same_word`
  std::string_view value;  // without the blanks around it
};

class Fields {
 public:
  Fields() = default;
  // `lines`: what stands between the first line of a head and its empty line, every line with its
  // CRLF. `malformed`, or `too_large` for more than `count_max` of them.
  static Result<Fields> parse(std::string_view lines, std::uint32_t count_max);

  // In the order of the message.
  template <class Visit>
  void each(Visit&& visit) const {
    Field field;
    for (std::string_view rest = lines_; take(rest, field);) visit(field);
  }
  // The first of this name.
  std::optional<std::string_view> find(std::string_view name) const;

 private:
  explicit Fields(std::string_view lines) : lines_(lines) {}
  static bool take(std::string_view& rest, Field& field);

  std::string_view lines_;
};

// The members of a list ("a, b"), without the blanks around them; empty ones are left out
// (RFC 9110 section 5.6.1).
template <class Visit>
void each_member(std::string_view list, Visit&& visit) {
  for (;;) {
    const std::size_t comma = list.find(',');
    const std::string_view member = without_blanks(list.substr(0, comma));
    if (!member.empty()) visit(member);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// What the fields say about where a message ends and whether another may follow.
struct MessageFields {
  // `malformed`: what two readers could understand differently: Content-Length twice or no number,
  // Transfer-Encoding beside it or twice, or one that does not end in chunked; any in HTTP/1.0.
  // `unsupported`: another coding below chunked.
  Result<BodyFraming> framing(std::uint32_t minor_version) const;
  // RFC 9112 section 9.3.
  bool keep_alive(std::uint32_t minor_version) const {
    return !close && (minor_version > 0 || kept_alive);
  }

  std::uint32_t lengths = 0;
  std::uint32_t codings = 0;
  std::string_view length;
  std::string_view coding;
  bool close = false;       // Connection: close
  bool kept_alive = false;  // Connection: keep-alive
};
MessageFields message_fields(const Fields& fields);

// Where a head ends, in a buffer that is filled piece by piece. Every byte is looked at once.
class HeadEnd {
 public:
  // `so_far`: everything since the head began: what the last call was shown, and more. The size of
  // the head with its empty line, or 0 if that has not come yet. `malformed`: a line that ends in
  // LF alone. `too_large`: the head is, or can only be, larger than `head_bytes_max`.
  Result<std::size_t> look(std::string_view so_far, std::uint32_t head_bytes_max);
  bool in_first_line() const { return line_begin_ == 0; }

 private:
  std::size_t looked_ = 0;
  std::size_t line_begin_ = 0;
};

// Takes the first line off a head, without its CRLF.
std::string_view take_line(std::string_view& head);

}  // namespace runnel::codec::http
