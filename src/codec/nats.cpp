#include "codec/nats.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace runnel::codec {
namespace {

using Kind = NatsOperation::Kind;

constexpr std::string_view headers_version = "NATS/1.0";
constexpr std::string_view message_id_key = "Nats-Msg-Id: ";

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_printable(char c) { return c > ' ' && c != '\x7f'; }

NatsOperation broken(Error error) { return {Kind::broken, error}; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::size_t size = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, size);
  rest.remove_prefix(size);
  return word;
}

// Names of operations may be written either way.
bool is_name(std::string_view word, std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  return std::ranges::equal(word, name, {}, upper);
}

// Up to five words; more are one too many.
struct Words {
  static constexpr std::size_t count_max = 5;
  std::array<std::string_view, count_max> all;
  std::size_t count = 0;

  explicit Words(std::string_view rest) {
    for (;;) {
      const std::string_view word = take_word(rest);
      if (word.empty()) return;
      if (count < count_max) all[count] = word;
      if (++count > count_max) return;
    }
  }
};

// "NATS/1.0[ STATUS[ TEXT]]\r\n", lines of headers, an empty line.
bool read_headers(std::string_view headers, NatsOperation& operation) {
  if (!headers.starts_with(headers_version) || !headers.ends_with("\r\n\r\n")) return false;
  std::string_view first = headers.substr(0, headers.find("\r\n"));
  first.remove_prefix(headers_version.size());
  operation.headers = headers;
  if (first.empty()) return true;
  if (!is_blank(first.front())) return false;
  const std::string_view status = take_word(first);
  if (status.empty()) return true;
  const auto number = parse_number(status);
  if (status.size() != 3 || !number) return false;
  operation.status = static_cast<std::uint16_t>(*number);
  operation.text = trimmed(first);
  return true;
}

// MSG SUBJECT SID [REPLY] BYTES, or HMSG SUBJECT SID [REPLY] HEADER_BYTES BYTES.
NatsOperation parse_message(std::string_view arguments, std::string_view behind,
                            bool with_headers) {
  const Words words(arguments);
  const std::size_t sizes = with_headers ? 2 : 1;
  if (words.count < 2 + sizes || words.count > 3 + sizes) return broken(Error::malformed);
  const auto header_bytes = parse_number(words.all[words.count - 2]);
  const auto message_bytes = parse_number(words.all[words.count - 1]);
  if (!message_bytes || (with_headers && !header_bytes)) return broken(Error::malformed);
  if (*message_bytes > nats_message_bytes_hard_max) return broken(Error::too_large);
  if (with_headers && *header_bytes > *message_bytes) return broken(Error::malformed);

  NatsOperation operation{Kind::need_more};
  const auto size = static_cast<std::size_t>(*message_bytes);
  operation.bytes = size + nats_line_end.size();
  if (behind.size() < operation.bytes) return operation;
  if (behind.substr(size, nats_line_end.size()) != nats_line_end) return broken(Error::malformed);

  const std::size_t headers = with_headers ? static_cast<std::size_t>(*header_bytes) : 0;
  if (with_headers && !read_headers(behind.substr(0, headers), operation))
    return broken(Error::malformed);
  operation.kind = Kind::message;
  operation.subject = words.all[0];
  operation.sid = words.all[1];
  if (words.count == 3 + sizes) operation.reply = words.all[2];
  operation.payload = as_bytes(behind.substr(headers, size - headers));
  return operation;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'')
    return text.substr(1, text.size() - 2);
  return text;
}

NatsOperation parse_line(std::string_view line, std::string_view behind) {
  std::string_view rest = line;
  const std::string_view name = take_word(rest);
  NatsOperation operation;
  operation.text = trimmed(rest);
  if (is_name(name, "MSG")) return parse_message(rest, behind, false);
  if (is_name(name, "HMSG")) return parse_message(rest, behind, true);
  if (is_name(name, "INFO")) {
    operation.kind = Kind::info;
  } else if (is_name(name, "-ERR")) {
    operation.kind = Kind::error;
    operation.text = unquoted(operation.text);
  } else if (is_name(name, "PING")) {
    operation.kind = Kind::ping;
  } else if (is_name(name, "PONG")) {
    operation.kind = Kind::pong;
  } else if (is_name(name, "+OK")) {
    operation.kind = Kind::ok;
  } else {
    return broken(Error::malformed);
  }
  return operation;
}

// Another protocol on this port would otherwise be read until the buffer is full.
bool may_begin_operation(char first) {
  return std::string_view("IiMmHhPp+-").find(first) != std::string_view::npos;
}

std::size_t header_bytes(const NatsPublish& publish) {
  if (publish.message_id.empty()) return 0;
  return headers_version.size() + message_id_key.size() + publish.message_id.size() +
         3 * nats_line_end.size();
}

std::size_t digits_of(std::size_t number) {
  std::size_t count = 1;
  for (; number >= 10; number /= 10) ++count;
  return count;
}

}  // namespace

bool nats_subject_valid(std::string_view subject) {
  if (subject.empty() || subject.size() > nats_subject_bytes_max) return false;
  bool token_begins = true;
  for (std::size_t index = 0; index < subject.size(); ++index) {
    const char c = subject[index];
    if (!is_printable(c) && static_cast<unsigned char>(c) < 0x80) return false;
    if (c == '.' && token_begins) return false;
    const bool alone = token_begins && (index + 1 == subject.size() || subject[index + 1] == '.');
    if (alone && (c == '*' || c == '>')) return false;
    token_begins = c == '.';
  }
  return !token_begins;
}

NatsOperation parse_nats(Bytes input) {
  const std::string_view text = as_text(input);
  if (text.empty()) return {};
  if (!may_begin_operation(text.front())) return broken(Error::malformed);
  const std::size_t newline = text.find('\n');
  if (newline == std::string_view::npos) return {};
  if (newline == 0 || text[newline - 1] != '\r') return broken(Error::malformed);
  NatsOperation operation = parse_line(text.substr(0, newline - 1), text.substr(newline + 1));
  // Of a message that ends later the bytes behind its line; of others none.
  operation.bytes += newline + 1;
  return operation;
}

NatsOperation NatsReader::next() {
  if (broken_ != Error::none) return broken(broken_);
  NatsOperation operation = parse_nats(buffer_.subspan(begin_, end_ - begin_));
  if (operation.kind == Kind::need_more) {
    const bool full = end_ - begin_ == buffer_.size();
    if (full || operation.bytes > buffer_.size()) operation = broken(Error::too_large);
  }
  if (operation.kind == Kind::broken) {
    broken_ = operation.error;
  } else if (operation.kind != Kind::need_more) {
    begin_ += operation.bytes;
  }
  return operation;
}

MutableBytes NatsReader::room() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return buffer_.subspan(end_);
}

void NatsReader::received(std::size_t size) {
  RUNNEL_ASSERT(size <= buffer_.size() - end_);
  end_ += size;
}

NatsErrorKind nats_error_kind(std::string_view text) {
  const auto begins = [&](std::string_view words) {
    return is_name(text.substr(0, words.size()), words);
  };
  if (begins("PERMISSIONS VIOLATION")) return NatsErrorKind::permissions;
  if (begins("AUTHORIZATION") || begins("AUTHENTICATION") || begins("USER AUTHENTICATION") ||
      begins("ACCOUNT AUTHENTICATION"))
    return NatsErrorKind::authorization;
  if (begins("MAXIMUM PAYLOAD")) return NatsErrorKind::too_large;
  return NatsErrorKind::other;
}

std::size_t nats_payload_bytes(const NatsPublish& publish) {
  return header_bytes(publish) + publish.payload.size();
}

std::size_t nats_publish_bytes(const NatsPublish& publish) {
  const std::size_t headers = header_bytes(publish);
  const std::size_t total = headers + publish.payload.size();
  std::size_t line = std::string_view("PUB ").size() + publish.subject.size() + 1;
  if (!publish.reply.empty()) line += publish.reply.size() + 1;
  if (headers > 0) line += std::string_view("H").size() + digits_of(headers) + 1;
  return line + digits_of(total) + total + 2 * nats_line_end.size();
}

void write_nats_publish_head(TextWriter& out, const NatsPublish& publish) {
  RUNNEL_ASSERT(std::ranges::all_of(publish.message_id, is_printable));
  const std::size_t headers = header_bytes(publish);
  out << (headers > 0 ? "HPUB " : "PUB ") << publish.subject << ' ';
  if (!publish.reply.empty()) out << publish.reply << ' ';
  if (headers > 0) out << headers << ' ';
  out << headers + publish.payload.size() << nats_line_end;
  if (headers == 0) return;
  out << headers_version << nats_line_end << message_id_key << publish.message_id << nats_line_end
      << nats_line_end;
}

void write_nats_subscribe(TextWriter& out, std::string_view subject, std::string_view sid) {
  out << "SUB " << subject << ' ' << sid << nats_line_end;
}

}  // namespace runnel::codec
