// The memory of one session or context, out of which mbedTLS is served: a planned block, cut into
// pieces as they are asked for. Free ones are in lists by size class, and grow together with their
// neighbours when they are given back: a handshake asks and gives back ten thousand times, for
// sizes from 8 bytes to 17 KiB, and has to fit all the same. Both are a few instructions, with no
// search.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.hpp"
#include "net/tls.hpp"

namespace runnel::mbedtls {

class Arena {
 public:
  static constexpr std::size_t bytes_max = 1024 * 1024;
  // `memory` is aligned to 16, at most `bytes_max`, and outlives everything taken from it.
  explicit Arena(MutableBytes memory);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Zeroed. Null: no room for it, which `take_ran_out` then tells once.
  void* allocate(std::size_t bytes);
  void release(void* memory);
  bool owns(const void* memory) const {
    const auto* at = static_cast<const std::byte*>(memory);
    return at >= memory_.data() && at < memory_.data() + memory_.size();
  }
  bool ran_out() const { return ran_out_; }
  bool take_ran_out() { return std::exchange(ran_out_, false); }
  bool empty() const { return used_ == 0; }
  // Overwrites everything and begins anew, whatever is still in use.
  void wipe();

  // What is in use, with what it costs to know of it.
  std::size_t used_bytes() const { return used_; }
  std::size_t peak_bytes() const { return peak_; }  // the most that ever was

 private:
  using Offset = std::uint32_t;  // of a piece; pieces are multiples of 16 bytes, the first is at 8
  static constexpr Offset nowhere = 0;
  using Number = std::uint16_t;  // of a piece: its offset in 16 bytes, plus one; 0: nowhere
  static Number number_of(Offset at) {
    return static_cast<Number>(at == nowhere ? 0 : at / 16 + 1);
  }
  static Offset offset_of(Number number) {
    return number == 0 ? nowhere : (Offset{number} - 1) * 16 + 8;
  }

  // In front of every piece; what is handed out is aligned for anything, as by malloc.
  struct Head {
    std::uint32_t size;    // with this head
    std::uint32_t before;  // the size of the piece in front of it; 0: there is none
  };
  // The rest of a free piece begins with its neighbours in the list of its class.
  struct Links {
    Offset next, previous;
  };
  static constexpr std::size_t head_bytes = sizeof(Head),
                               piece_least = sizeof(Head) + sizeof(Links);
  static_assert(head_bytes == 8 && piece_least == 16);
  static constexpr std::uint32_t live_bit = 1;

  // One class for every size to 512 bytes, then eight in an octave.
  static constexpr std::size_t exact_most = 512, classes = 128;
  static std::size_t class_of(std::size_t size);
  // Whose pieces all have at least `size`.
  static std::size_t class_that_fits(std::size_t size);

  Head head(Offset at) const { return load<Head>(memory_.data() + at); }
  void put_head(Offset at, Head head) { store(memory_.data() + at, head); }
  Links links(Offset at) const { return load<Links>(memory_.data() + at + head_bytes); }
  void put_links(Offset at, Links links) { store(memory_.data() + at + head_bytes, links); }

  void begin();
  Offset find(std::size_t size) const;
  void list(Offset at, std::uint32_t size);
  void unlist(Offset at, std::uint32_t size);

  MutableBytes memory_;
  Offset end_;  // behind the last piece
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  bool ran_out_ = false;
  std::array<Number, classes> first_ = {};
  std::array<std::uint64_t, classes / 64> filled_ = {};  // which classes have pieces
};

// Where a call into the library finds memory.
struct Memory {
  Arena& own;  // of the session or context whose call it is
  // Of a session's context: keys keep intermediate results there. Null: own.
  Arena* shared = nullptr;
  // A part of a piece of `own` that is lent for now. Null: none.
  Arena* lent = nullptr;
  bool lent_first = false;  // else when own is full
};

// A call into the library is in progress: whose memory it uses, and whose clock.
class Call {
 public:
  Call(const Memory& memory, net::TlsSurroundings& surroundings)
      : memory_(memory), surroundings_(surroundings), before_(current_) {
    current_ = this;
  }
  ~Call() { current_ = before_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  static Call& current();  // one must be in progress
  // A call within the current one, that uses the context's memory.
  static Call of_context() { return Call(Memory{current().shared()}, current().surroundings()); }

  void* allocate(std::size_t bytes);
  void release(void* memory);
  net::TlsSurroundings& surroundings() const { return surroundings_; }

 private:
  Arena& shared() const { return memory_.shared != nullptr ? *memory_.shared : memory_.own; }

  static Call* current_;
  Memory memory_;
  net::TlsSurroundings& surroundings_;
  Call* before_;
};

}  // namespace runnel::mbedtls
