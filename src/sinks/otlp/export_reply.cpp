#include "sinks/otlp/export_reply.hpp"

namespace runnel::sinks {

void ExportReply::clear() {
  key_ = Key::other;
  partial_ = false;
  rejected_ = 0;
  message_.clear();
}

void ExportReply::look(Token token, const codec::JsonReader& reader) {
  const Key key = key_;
  key_ = Key::other;
  if (token == Token::key && reader.depth() == 1) {
    partial_ = reader.is("partialSuccess");
  } else if (token == Token::key && reader.depth() == 2 && partial_) {
    if (reader.is("rejectedLogRecords")) key_ = Key::rejected;
    if (reader.is("errorMessage")) key_ = Key::message;
  } else if (key == Key::rejected && (token == Token::string || token == Token::number)) {
    rejected_ = parse_number(reader.raw()).value_or(0);
  } else if (key == Key::message && token == Token::string) {
    Text<240> text;
    reader.write_text(text);
    message_.clear();
    for (const char c : text.text()) message_ << (c >= ' ' && c <= '~' ? c : '?');
  }
}

}  // namespace runnel::sinks
