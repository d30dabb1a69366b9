// A small name server for tests, on loopback, UDP and TCP on one port. Runs when `serve` is called;
// no thread. `zone` says how each name is answered, well or badly; others do
// not exist (RFC 1035 section 4).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "base/time.hpp"

namespace runnel::test {

struct DnsAnswer {
  std::vector<std::string> ips;      // of both families
  std::vector<std::string> aliases;  // CNAMEs on the way: the first is what the name stands for
  std::uint32_t ttl = 60;
  int code = 0;                  // 3: there is no such name; 2: the server has failed
  int later_ms = 0;              // how long it takes
  bool never = false;            // no answer, but it is counted
  bool never_ipv6 = false;       // none to questions for that
  bool truncated = false;        // by UDP only the word that TCP has it
  bool never_tcp = false;        // which then has not
  bool cut = false;              // ends in the middle of a record
  bool after_forgeries = false;  // behind an empty one, one with another number, another question
};

class DnsServer {
 public:
  DnsServer() {
    // One port for both, which a stream of somebody else's may have: then another.
    while (tcp_ < 0) {
      if (udp_ >= 0) ::close(udp_);
      udp_ = bound(SOCK_DGRAM, 0);
      sockaddr_in where = {};
      socklen_t size = sizeof(where);
      RUNNEL_ASSERT(::getsockname(udp_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
      port_ = ntohs(where.sin_port);
      tcp_ = bound(SOCK_STREAM, port_);
    }
    RUNNEL_ASSERT(::listen(tcp_, 16) == 0);
  }
  ~DnsServer() {
    for (const Client& client : clients_) ::close(client.socket);
    ::close(udp_);
    ::close(tcp_);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::map<std::string, DnsAnswer> zone;
  std::vector<std::string> asked;  // "AAAA name", "A name": by UDP
  int asked_by_tcp = 0;

  // Takes what has arrived and sends what is due.
  void serve(Instant now) {
    now_ = now;
    unsigned char bytes[2048];
    sockaddr_in from = {};
    socklen_t size = sizeof(from);
    for (;;) {
      const ssize_t got = ::recvfrom(udp_, bytes, sizeof(bytes), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) break;
      take(std::string(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(got)), &from, -1);
    }
    const int accepted = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted >= 0) clients_.push_back({accepted, {}});
    for (Client& client : clients_) {
      const ssize_t got = ::recv(client.socket, bytes, sizeof(bytes), MSG_DONTWAIT);
      if (got > 0)
        client.input.append(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(got));
      while (client.input.size() >= 2 && client.input.size() >= 2 + number(client.input, 0)) {
        const std::size_t length = number(client.input, 0);
        take(client.input.substr(2, length), nullptr, client.socket);
        client.input.erase(0, 2 + length);
      }
    }
    for (Due& due : due_)
      if (due.at <= now_) send(due);
    std::erase_if(due_, [&](const Due& due) { return due.at <= now_; });
  }

  // The question is copied from `query`; records name their owner in full.
  static std::string reply(const std::string& query, const DnsAnswer& answer, bool by_tcp) {
    const bool is_ipv6 = type_of(query) == 28;
    std::string message = query.substr(0, question_end(query));
    std::string records;
    std::uint16_t count = 0;
    std::string owner = name_of(query);
    const bool truncated = answer.truncated && !by_tcp;
    for (const std::string& alias : answer.aliases) {
      append_record(records, owner, 5, answer.ttl, encoded(alias));
      owner = alias;
      ++count;
    }
    for (const std::string& ip : answer.ips) {
      if ((ip.find(':') != std::string::npos) != is_ipv6 || truncated) continue;
      char raw[16];
      RUNNEL_ASSERT(::inet_pton(is_ipv6 ? AF_INET6 : AF_INET, ip.c_str(), raw) == 1);
      append_record(records, owner, is_ipv6 ? 28 : 1, answer.ttl,
                    std::string(raw, is_ipv6 ? 16 : 4));
      ++count;
    }
    message[2] = static_cast<char>(0x81 | (truncated ? 0x02 : 0));
    message[3] = static_cast<char>(0x80 | answer.code);
    set_number(message, 6, count);
    set_number(message, 8, 0);
    set_number(message, 10, 0);
    message += records;
    if (answer.cut) message.resize(message.size() - 3);
    return message;
  }
  static std::string query(const std::string& name, std::uint16_t type) {
    std::string message(12, '\0');
    set_number(message, 4, 1);
    message += encoded(name);
    append_number(message, type);
    append_number(message, 1);
    return message;
  }

 private:
  struct Client {
    int socket;
    std::string input;
  };
  struct Due {
    Instant at;
    std::vector<std::string> messages;
    sockaddr_in to;
    int socket;
  };

  static int bound(int type, std::uint16_t port) {
    const int made = ::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port);
    const int yes = 1;
    ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (::bind(made, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0) return made;
    ::close(made);
    return -1;
  }
  static std::size_t byte(const std::string& text, std::size_t at) {
    return static_cast<unsigned char>(text.at(at));
  }
  static std::size_t number(const std::string& text, std::size_t at) {
    return byte(text, at) << 8 | byte(text, at + 1);
  }
  static void append_number(std::string& text, std::size_t value) {
    text += static_cast<char>(value >> 8);
    text += static_cast<char>(value);
  }
  static void set_number(std::string& text, std::size_t at, std::size_t value) {
    text.at(at) = static_cast<char>(value >> 8);
    text.at(at + 1) = static_cast<char>(value);
  }
  static std::string encoded(const std::string& name) {
    std::string bytes;
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t end = std::min(name.find('.', at), name.size());
      bytes += static_cast<char>(end - at);
      bytes += name.substr(at, end - at);
      at = end + 1;
    }
    return bytes + '\0';
  }
  static std::string name_of(const std::string& query) {
    std::string name;
    for (std::size_t at = 12; byte(query, at) != 0; at += byte(query, at) + 1)
      name += (name.empty() ? "" : ".") + query.substr(at + 1, byte(query, at));
    return name;
  }
  static std::size_t question_end(const std::string& query) {
    return 12 + encoded(name_of(query)).size() + 4;
  }
  static std::size_t type_of(const std::string& query) {
    return number(query, question_end(query) - 4);
  }
  static void append_record(std::string& to, const std::string& owner, std::size_t type,
                            std::uint32_t ttl, const std::string& data) {
    to += encoded(owner);
    append_number(to, type);
    append_number(to, 1);
    append_number(to, ttl >> 16);
    append_number(to, ttl & 0xFFFF);
    append_number(to, data.size());
    to += data;
  }

  void take(const std::string& query, const sockaddr_in* from, int socket) {
    const std::string name = name_of(query);
    const bool by_tcp = socket >= 0;
    by_tcp ? void(++asked_by_tcp) : asked.push_back((type_of(query) == 28 ? "AAAA " : "A ") + name);
    const auto found = zone.find(name);
    DnsAnswer answer;
    answer.code = 3;
    if (found != zone.end()) answer = found->second;
    if (answer.never || (by_tcp && answer.never_tcp)) return;
    if (answer.never_ipv6 && type_of(query) == 28) return;
    Due due{now_ + std::chrono::milliseconds(answer.later_ms), {}, {}, socket};
    if (from != nullptr) due.to = *from;
    const std::string right = reply(query, answer, by_tcp);
    if (answer.after_forgeries) {
      const DnsAnswer other{.ips = {"203.0.113.66", "2001:db8::66"}};
      std::string forged = reply(query, other, false);
      forged[0] = static_cast<char>(forged[0] ^ 0x40);
      due.messages = {"", "x", forged};
      std::string question = query;
      question[13] = static_cast<char>(question[13] ^ 0x01);
      due.messages.push_back(reply(question, other, false));
    }
    due.messages.push_back(right);
    due_.push_back(std::move(due));
  }
  void send(const Due& due) {
    for (const std::string& message : due.messages) {
      if (due.socket < 0) {
        ::sendto(udp_, message.data(), message.size(), 0,
                 reinterpret_cast<const sockaddr*>(&due.to), sizeof(due.to));
        continue;
      }
      std::string framed;
      append_number(framed, message.size());
      framed += message;
      ::send(due.socket, framed.data(), framed.size(), MSG_NOSIGNAL);
    }
  }

  int udp_ = -1, tcp_ = -1;
  std::uint16_t port_ = 0;
  Instant now_;
  std::vector<Client> clients_;
  std::vector<Due> due_;
};

}  // namespace runnel::test
