// What c-ares allocates, out of one planned block: first fit, neighbours that are free become one.
// A name that is asked for takes some ten pieces of a few hundred bytes, so a walk over all pieces
// is short. Full: null, which c-ares reports as ARES_ENOMEM.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"

namespace runnel::cares {

class Arena {
 public:
  // `memory` is aligned for anything.
  explicit Arena(MutableBytes memory);

  void* allocate(std::size_t bytes);
  // As realloc: the content is kept, null leaves the old piece as it was.
  void* resize(void* piece, std::size_t bytes);
  void release(void* piece);  // null: nothing happens

  std::size_t used_bytes() const { return used_; }
  std::size_t used_bytes_max() const { return used_max_; }  // ever

 private:
  struct alignas(std::max_align_t) Header {
    std::size_t bytes;  // of the piece with this header
    bool in_use;
  };
  static Header* header_of(void* piece) { return static_cast<Header*>(piece) - 1; }
  static Header* header_at(std::byte* place);
  Header* next(Header* header) const;
  // Makes one of `header` and the free pieces behind it.
  void join(Header* header);

  MutableBytes memory_;
  std::size_t used_ = 0;
  std::size_t used_max_ = 0;
};

}  // namespace runnel::cares
