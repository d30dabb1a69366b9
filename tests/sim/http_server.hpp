// A strict HTTP server for tests of sinks: takes requests with a body, keeps them, and answers as
// it is told.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "tests/sim/receiver.hpp"

namespace runnel::sim {

inline const std::string http_good = "HTTP/1.1 204 No Content\r\n\r\n";

class HttpServer : public Receiver {
 public:
  struct Request {
    std::string head, body;
  };
  using Receiver::Receiver;
  std::function<std::string(const Request&)> respond = [](const Request&) { return http_good; };
  std::vector<Request> requests;
  std::string accepted;  // bodies of those that were answered with 2xx

 protected:
  async::Task<bool> answer(Connection& connection) override {
    for (;;) {
      const std::string& all = connection.received;
      const std::size_t end = all.find("\r\n\r\n");
      if (end == all.npos) co_return true;
      constexpr std::string_view length = "Content-Length: ";
      const std::size_t at = all.find(length);
      REQUIRE(at < end);
      const std::size_t from = at + length.size();
      const auto given = parse_number(all.substr(from, all.find("\r\n", from) - from));
      REQUIRE(given.has_value());
      const auto size = static_cast<std::size_t>(*given);
      if (all.size() < end + 4 + size) co_return true;
      requests.push_back({all.substr(0, end + 4), all.substr(end + 4, size)});
      connection.received.erase(0, end + 4 + size);
      const std::string reply = respond(requests.back());
      if (reply.starts_with("HTTP/1.1 2")) accepted += requests.back().body;
      const bool sent = co_await send(connection, reply);
      const bool stays = sent && reply.find("close") == reply.npos && !reply.empty();
      if (!stays) co_return false;
    }
  }
};

inline std::string http_status(std::uint16_t number, std::string_view fields = {},
                               std::string_view body = {}) {
  return concat("HTTP/1.1 ", number, " x\r\nContent-Length: ", body.size(), "\r\n", fields, "\r\n",
                body);
}

}  // namespace runnel::sim
