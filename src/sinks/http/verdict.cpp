#include "sinks/http/verdict.hpp"

namespace runnel::sinks {

Verdict verdict_of(std::uint16_t status) {
  if (status >= 200 && status < 300) return Verdict::delivered;
  switch (status) {
    case 413:
      return Verdict::too_large;
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
    case 408:
    case 425:
    case 429:
      return Verdict::again;
    default:
      return status >= 400 && status < 500 ? Verdict::refused : Verdict::again;
  }
}

}  // namespace runnel::sinks
