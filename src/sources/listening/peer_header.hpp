// The header that says who sent an event: its IP address, without the port (a port changes with
// every connection and tells a receiver nothing); and a second one with the name in the certificate
// that the sender has shown. Encoded once per connection; of datagrams, the last few senders are
// remembered.
#pragma once

#include <array>
#include <string_view>

#include "io/address.hpp"
#include "pipeline/event.hpp"

namespace runnel::sources {

inline constexpr std::size_t header_name_bytes_max = 64;

class PeerHeader {
 public:
  static constexpr std::string_view certificate_header = "tls_peer";
  static constexpr std::size_t bytes_max = 2 * pipeline::Headers::entry_overhead +
                                           header_name_bytes_max + 64 + certificate_header.size() +
                                           64;

  // An empty name: no header.
  void set(std::string_view name, const io::Address& peer);
  // Adds the name in its certificate, unless there is no header or no name. After `set`.
  void add_certificate(std::string_view name);
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
