// How a connection of the HTTP server divides its room: the head of a reply is written in front of
// its first piece, so that both go out in one send.
#pragma once

#include <cstddef>

namespace runnel::net {

// The head of a reply, with the size of a first chunk behind it.
inline constexpr std::size_t reply_head_bytes_max = 512;
// Line ends of the last chunk: "\r\n0\r\n\r\n".
inline constexpr std::size_t reply_tail_bytes_max = 7;
// Chunks of a request's body are taken out of their lines in place, behind what is there already.
inline constexpr std::size_t body_slack_bytes = 1024;

constexpr std::size_t reply_room(std::size_t piece_bytes) {
  return reply_head_bytes_max + piece_bytes + reply_tail_bytes_max;
}
constexpr std::size_t body_room(std::size_t body_bytes_max) {
  return body_bytes_max == 0 ? 0 : body_bytes_max + body_slack_bytes;
}

}  // namespace runnel::net
