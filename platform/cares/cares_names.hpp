// Names by c-ares, over UDP and TCP, with the servers and search domains of /etc/resolv.conf and
// the names of /etc/hosts. One at a time in a process: c-ares has one allocator.
//
// c-ares only sends, waits, retries and reads replies. The files are read here, because it would do
// so with stdio, which allocates: hosts for every question that is not remembered above,
// resolv.conf at start and, when a question begins, at most once in 30 s or after a question that
// no server answered. New servers are used from the moment no question is open.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/region.hpp"
#include "net/name_files.hpp"
#include "net/name_service.hpp"
#include "platform/cares/arena.hpp"
#include "platform/cares/server_sockets.hpp"

struct ares_channeldata;

namespace runnel::cares {

struct CaresSettings {
  // Paths are zero-terminated and outlive the adapter.
  const char* resolv_conf = "/etc/resolv.conf";
  const char* hosts = "/etc/hosts";
  std::uint16_t port = 53;  // of every server
  std::uint32_t questions_max = 32;
  // For a reply of one server. Doubles with every round over all of them; after `rounds` it is
  // `timed_out`: 14 s with one server, three times that with three.
  std::uint32_t timeout_ms = 2000;
  std::uint32_t rounds = 3;
};

class CaresNames final : public net::NameService {
 public:
  struct Search;
  struct Memory {
    MutableBytes arena;
    std::span<Search> searches;
    std::span<char> file_piece;
  };
  static Memory carve(Region& region, const CaresSettings& settings);
  // Start-up only.
  static Built<std::unique_ptr<CaresNames>> create(const Memory& memory,
                                                   const CaresSettings& settings);
  ~CaresNames() override;
  CaresNames(const CaresNames&) = delete;
  CaresNames& operator=(const CaresNames&) = delete;

  Status ask(net::NameQuestion& question, Instant now) override;
  void drop(net::NameQuestion& question) override;
  io::Handle watched() const override { return sockets_.watched(); }
  Instant wake_at(Instant now) override;
  void process(Instant now) override;

  // For tests: what c-ares holds, and how many sockets.
  const Arena& arena() const { return arena_; }
  std::size_t open_sockets() const { return sockets_.open_count(); }

 private:
  struct Query;
  // Which file was read; another one shows by its numbers.
  struct FileMark {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0;
    friend bool operator==(const FileMark&, const FileMark&) = default;
  };

  CaresNames(const Memory& memory, const CaresSettings& settings);
  Status begin_library();
  static void replied(void* query, int status, int timeouts, unsigned char* reply, int size);

  bool in_hosts(net::NameQuestion& question);
  void look_at_servers(Instant now);
  void use_servers();
  bool ask_candidate(Search& search);  // false: there is none left
  void take_reply(Query& query, int status, Bytes reply);
  void conclude(Search& search);
  void update_interest();
  bool any_search() const;

  CaresSettings settings_;
  Arena arena_;
  std::span<Search> searches_;
  std::span<char> file_piece_;
  ServerSockets sockets_;
  ares_channeldata* channel_ = nullptr;

  net::NameSettings servers_;  // in use
  net::NameSettings read_;     // of the file as it was last seen
  bool read_anew_ = false;     // `read_` is not in use yet
  FileMark mark_;
  Instant next_look_ = Instant::min();
};

}  // namespace runnel::cares
