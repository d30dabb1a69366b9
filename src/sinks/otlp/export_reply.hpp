// What an OTLP server says of a request that it took (ExportLogsServiceResponse):
//   {"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"..."}}
// A 64-bit number is a string in JSON; some write it as a number. `{}`, nothing or what is no JSON:
// all of it was taken, the status has said so.
#pragma once

#include "sinks/sending/json_answer.hpp"

namespace runnel::sinks {

class ExportReply final : public JsonAnswer {
 public:
  std::uint64_t rejected() const { return rejected_; }
  std::string_view message() const { return message_.text(); }

 private:
  void clear() override;
  void look(Token token, const codec::JsonReader& reader) override;

  enum class Key : std::uint8_t { other, rejected, message };
  Key key_ = Key::other;
  bool partial_ = false;
  std::uint64_t rejected_ = 0;
  Text<240> message_;
};

}  // namespace runnel::sinks
