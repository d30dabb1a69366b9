// What InfluxDB says when it wrote only some of the points of a request (status 400 or 422):
//   {"error":"partial write: field type conflict: input field \"message\" ... dropped=2"}
// The text is a sentence for people, so it is looked for words: "partial write", "dropped=N".
#pragma once

#include <optional>

#include "base/text.hpp"
#include "sinks/sending/http_exchange.hpp"

namespace runnel::sinks {

class PartialWrite final : public AnswerReader {
 public:
  static constexpr std::size_t answer_bytes_max = 4096;  // the rest is not looked at

  void begin() override { answer_.clear(); }
  void take(Bytes piece) override { answer_ << as_text(piece); }
  bool is_partial() const { return answer_.text().find("partial write") != std::string_view::npos; }
  // How many points it did not write; nothing: it does not say.
  std::optional<std::uint64_t> dropped() const {
    constexpr std::string_view word = "dropped=";
    const std::size_t at = answer_.text().rfind(word);
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view digits = answer_.text().substr(at + word.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    const auto number = parse_number(digits);
    return number ? std::optional(*number) : std::nullopt;
  }

 private:
  Text<answer_bytes_max> answer_;
};

}  // namespace runnel::sinks
