// What the answer to a request means for the frame that was its body.
#pragma once

#include <cstdint>
#include <string_view>

namespace runnel::sinks {

enum class Verdict : std::uint8_t {
  delivered,
  again,      // nothing is wrong with the batch: later
  too_large,  // in smaller parts
  poisoned,   // something in it is refused: in smaller parts, until that stands alone
  refused,    // never
};
// 2xx is delivered, 413 too large. What a person has to put right (redirections, 401, 403, 404,
// 405, 407), what passes (408, 425, 429) and 5xx: again. Any other 4xx: refused.
Verdict verdict_of(std::uint16_t status);

struct Judgement {
  Verdict verdict = Verdict::delivered;
  std::uint32_t refused_events = 0;  // of a delivered frame; at most those that it has
  std::string_view reason = {};      // instead of what the reply says; until the next request
};

}  // namespace runnel::sinks
