#include "sinks/elasticsearch/bulk_reply.hpp"

namespace runnel::sinks {
namespace {

// Depths: the reply, its list of items, an item, what was done with it, its error.
constexpr std::uint32_t of_reply = 1, of_action = 4, of_error = 5;

}  // namespace

void BulkReply::clear() {
  key_ = Key::other;
  in_items_ = in_error_ = has_errors_ = errors_ = false;
  items_ = again_ = refused_ = bad_status_ = 0;
  reason_.clear();
}

void BulkReply::look(Token token, const codec::JsonReader& reader) {
  const Key key = key_;
  key_ = Key::other;
  switch (token) {
    case Token::key:
      if (reader.depth() == of_reply) {
        in_items_ = reader.is("items");
        key_ = reader.is("errors") ? Key::errors : Key::other;
      } else if (in_items_ && reader.depth() == of_action) {
        in_error_ = reader.is("error");
        key_ = reader.is("status") ? Key::status : Key::other;
      } else if (in_items_ && in_error_ && reader.depth() == of_error && reader.is("reason")) {
        key_ = Key::reason;
      }
      break;
    case Token::boolean:
      if (key == Key::errors) {
        has_errors_ = true;
        errors_ = reader.boolean();
      }
      break;
    case Token::number:
      if (key == Key::status) note_status(reader);
      break;
    case Token::string:
      if (key == Key::reason && reason_.size() == 0) reader.write_text(reason_);
      break;
    default:
      break;
  }
}

void BulkReply::note_status(const codec::JsonReader& reader) {
  constexpr std::uint64_t already_there = 409;
  const std::uint64_t status = reader.unsigned_number().value_or(0);
  ++items_;
  if (status == already_there) return;
  const Verdict verdict =
      status > 999 ? Verdict::again : verdict_of(static_cast<std::uint16_t>(status));
  if (verdict == Verdict::delivered) return;
  if (bad_status_ == 0) bad_status_ = status;
  ++(verdict == Verdict::again ? again_ : refused_);
}

Judgement BulkReply::judge(std::uint32_t events) {
  if (!finish() || !has_errors_)
    return {Verdict::again, 0, "with something that is no _bulk reply"};
  if (!errors_) return {};
  if (items_ != events) return {Verdict::again, 0, "for another number of items"};
  told_.clear();
  told_ << bad_status_ << " for an item: ";
  for (const char c : reason_.text()) told_ << (c >= ' ' && c <= '~' ? c : '?');
  if (again_ > 0) return {Verdict::again, 0, told_.text()};
  return {Verdict::delivered, static_cast<std::uint32_t>(refused_), told_.text()};
}

}  // namespace runnel::sinks
