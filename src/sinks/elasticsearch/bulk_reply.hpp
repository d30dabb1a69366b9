// What Elasticsearch says of a `_bulk` request: a status for every item, in their order.
//   {"errors":true,"items":[{"create":{"status":201}},
//     {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed ..."}}}]}
#pragma once

#include "sinks/http/verdict.hpp"
#include "sinks/sending/json_answer.hpp"

namespace runnel::sinks {

class BulkReply final : public JsonAnswer {
 public:
  // An item that is there already (409) was delivered before: `create` never writes twice. What
  // `verdict_of` its status would try again makes all of the request be sent again.
  Judgement judge(std::uint32_t events);

 private:
  void clear() override;
  void look(Token token, const codec::JsonReader& reader) override;
  void note_status(const codec::JsonReader& reader);

  enum class Key : std::uint8_t { other, errors, status, reason };
  Key key_ = Key::other;
  bool in_items_ = false, in_error_ = false;
  bool has_errors_ = false, errors_ = false;
  std::uint64_t items_ = 0, again_ = 0, refused_ = 0;
  std::uint64_t bad_status_ = 0;  // the first one
  Text<240> reason_;              // of the first item that has one
  Text<280> told_;
};

}  // namespace runnel::sinks
