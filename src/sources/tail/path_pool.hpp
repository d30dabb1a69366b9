// Texts of very different lengths (paths) in one planned block: each takes what it needs, what is
// given back is squeezed out when room is short. A text is followed by a zero byte; in front of it
// may stand bytes of the owner's (the encoded header whose value the path is). Views are valid
// until the next `add`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"

namespace runnel::sources::tail {

class PathPool {
 public:
  using Id = std::uint16_t;
  static constexpr Id none = 0;
  static constexpr std::size_t texts_max = 0xFFFE;

  struct Place {
    std::uint32_t at = 0;  // of the entry; 0 bytes: free
    std::uint16_t prefix_bytes = 0;
    std::uint16_t text_bytes = 0;
    bool used = false;
  };

  PathPool(MutableBytes memory, std::span<Place> places) : memory_(memory), places_(places) {}

  // `none` when it is full. `text` and `prefix` lie outside of the pool.
  Id add(Bytes prefix, std::string_view text);
  void remove(Id id);  // nothing happens for `none`

  std::string_view text(Id id) const;
  const char* c_str(Id id) const { return text(id).data(); }
  Bytes with_prefix(Id id) const;

 private:
  // Before each text in the block: its id (none: given back) and its whole size.
  struct Mark {
    std::uint16_t id;
    std::uint16_t size;
  };
  void squeeze();
  Id free_place();

  MutableBytes memory_;
  std::span<Place> places_;  // of id n at n - 1
  std::size_t end_ = 0;
};

}  // namespace runnel::sources::tail
