// The header that says who sent an event: its IP address, without the port (a port changes with
// every connection and tells a receiver nothing). Encoded once per connection; of datagrams, the
// last few senders are remembered.
#pragma once

#include <array>
#include <string_view>

#include "io/address.hpp"
#include "pipeline/event.hpp"

namespace runnel::sources {

inline constexpr std::size_t header_name_bytes_max = 64;

class PeerHeader {
 public:
  static constexpr std::size_t bytes_max =
      pipeline::Headers::entry_overhead + header_name_bytes_max + 64;

  // An empty name: no header.
  void set(std::string_view name, const io::Address& peer);
  pipeline::Headers headers() const {
    return pipeline::Headers(Bytes(encoded_.data(), encoded_bytes_));
  }
  bool is_of(const io::Address& peer) const {
    return family_ == peer.family && scope_ == peer.scope && ip_ == peer.ip;
  }

 private:
  io::Family family_ = io::Family::none;
  std::uint32_t scope_ = 0;
  std::array<std::uint8_t, 16> ip_ = {};
  std::size_t encoded_bytes_ = 0;
  std::array<std::byte, bytes_max> encoded_;
};

class PeerHeaders {
 public:
  // The text behind `name` outlives this.
  explicit PeerHeaders(std::string_view name) : name_(name) {}
  // Valid until the next call.
  pipeline::Headers of(const io::Address& peer);

 private:
  static constexpr std::size_t remembered = 16;
  std::string_view name_;
  std::array<PeerHeader, remembered> known_;
};

}  // namespace runnel::sources
