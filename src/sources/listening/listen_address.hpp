// Where a passive source listens, as the configuration says it: "127.0.0.1:5170", with the
// transport in front where a source has several ("udp://127.0.0.1:5514"), and "tls://" for TLS over
// TCP; "unix:/run/x.sock" is a Unix socket for streams, "unixgram:/run/x.sock" one for datagrams.
// Addresses are numeric: which name a machine has is not known before its network is up. At most
// `listen_max` a source.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "io/address.hpp"
#include "io/system.hpp"
#include "pipeline/options.hpp"

namespace runnel::sources {

struct ListenAddress {
  io::Transport transport = io::Transport::tcp;
  io::Address address;
  bool secure = false;  // TLS over tcp
  std::string path;     // of a Unix socket, and the mode of its file
  std::uint16_t mode = io::ListenOptions().mode;

  bool is_local() const { return address.family == io::Family::local; }
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};
TextWriter& operator<<(TextWriter& out, const ListenAddress& where);  // "tcp://127.0.0.1:5170"
// As it turned out: with the port that the kernel chose. Does not allocate.
void write_listened(TextWriter& out, const ListenAddress& where, const io::Address& local);
// Whoever listens on one of them keeps the kernel from giving out the other: the same port of the
// same transport, and the same address, or one that stands for it too. Port 0 is always another; a
// path is the same for all.
bool exclude_each_other(const ListenAddress& one, const ListenAddress& other);

inline constexpr std::size_t listen_max = 8;

class ListenAddresses {
 public:
  void add(const ListenAddress& where);
  std::span<const ListenAddress> all() const { return {addresses_.data(), count_}; }
  // Those of one transport.
  ListenAddresses only(io::Transport transport) const;
  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  std::size_t count_secure() const;

 private:
  std::array<ListenAddress, listen_max> addresses_;
  std::size_t count_ = 0;
};

// With tcp go TLS over it and Unix sockets for streams, with udp those for datagrams. With both,
// each text names its own.
enum class Transports : std::uint8_t { tcp, udp, both };

// The failure says what is wrong with the text and how it should look.
tl::expected<ListenAddress, std::string> parse_listen(std::string_view text, Transports allowed);
// All texts of the option `listen`: at least one, and no two that exclude each other; with the
// option `socket_mode`.
pipeline::Checked<ListenAddresses> listen_addresses(const pipeline::OptionValues& values,
                                                    Transports allowed);

}  // namespace runnel::sources
