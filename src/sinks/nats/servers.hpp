// The servers of a cluster: those that are configured, and those that a server has told us of
// (connect_urls), which are only tried when no configured one is left. One is the current one;
// after a failure it is the next one's turn, round and round.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinks/sending/endpoint.hpp"

namespace runnel::sinks {

class NatsServers {
 public:
  // What a cluster tells of more servers than this is passed over.
  static constexpr std::size_t learned_max = 16;
  static constexpr std::size_t host_bytes_max = 64;

  // `configured` is not empty and outlives this. `random`: where to begin, so that a fleet spreads.
  NatsServers(std::span<const Endpoint> configured, std::uint64_t random);

  const Endpoint& current() const { return current_; }
  void advance();
  // From outside: "10.0.0.2:4222" or "[::1]:4222"; what is none is passed over.
  void learn(std::string_view url);
  std::size_t count() const { return configured_.size() + learned_count_; }

 private:
  struct Learned {
    std::array<char, host_bytes_max> host;
    std::uint8_t size = 0;
    std::uint16_t port = 0;
    std::string_view text() const { return {host.data(), size}; }
  };
  bool knows(std::string_view host, std::uint16_t port) const;
  void choose();

  std::span<const Endpoint> configured_;
  std::array<Learned, learned_max> learned_;
  std::size_t learned_count_ = 0;
  std::size_t at_ = 0;
  Endpoint current_;  // its host has room for all of them: nothing is allocated later
};

}  // namespace runnel::sinks
