// The messages of the Fluentd Forward Protocol Specification v1, as a client sees them: what it
// writes (events, PING) and what it is told (HELO, PONG, acknowledgements). No I/O; what the
// readers give points into their input.
//
// A connection: [HELO ->, <- PING, PONG ->] where the server wants a shared key, then messages with
// events, each answered by an acknowledgement when it named a chunk.
#pragma once

#include "base/time.hpp"
#include "codec/msgpack.hpp"
#include "codec/sha512.hpp"

namespace runnel::codec {

// EventTime, an extension of type 0: seconds and nanoseconds, 32 bits each and big-endian.
//   2017-07-14T02:40:00.000000001Z is d7 00 59 68 2f 00 00 00 00 01
// Times that 32 bits cannot say become the nearest that they can.
inline constexpr std::size_t forward_time_bytes = 10;
void write_forward_time(MsgpackWriter& out, WallTime time);

// [tag, entries, option]: PackedForward, or CompressedPackedForward when `compressed` names a
// method. The entries, one [time, record] behind the other, go between head and option as they are.
struct ForwardOption {
  std::uint32_t events = 0;     // `size`
  std::string_view chunk;       // empty: no acknowledgement is asked for
  std::string_view compressed;  // "gzip", or "zstd" for peers that know it; empty: as they are
};
inline constexpr std::size_t forward_head_bytes_max(std::size_t tag_bytes) {
  return 1 + MsgpackWriter::head_bytes_max + tag_bytes + MsgpackWriter::head_bytes_max;
}
inline constexpr std::size_t forward_option_bytes_max = 128;  // with a chunk of 64 bytes at most
void write_forward_head(MsgpackWriter& out, std::string_view tag, std::size_t entries_bytes);
void write_forward_option(MsgpackWriter& out, const ForwardOption& option);

// Base64 of the first 128 bits of the SHA-512 of `id`: what the specification wants a chunk to be,
// the same whenever the id is.
using ForwardChunk = std::array<char, 24>;
ForwardChunk forward_chunk(std::string_view id);

// A reader's limit for one message of the server.
inline constexpr std::size_t forward_reply_bytes_max = 1024;

struct ForwardHelo {
  Bytes nonce;
  Bytes auth_salt;        // empty: no user and password are asked for
  bool keepalive = true;  // false: the server wants no connection to last
};
struct ForwardPong {
  bool accepted = false;
  std::string_view reason;  // why not
  std::string_view hostname;
  std::string_view digest;
};
struct ForwardAck {
  std::string_view chunk;
};

// Each gives how many bytes the message had. `closed`: there is more to come; `malformed`: it is
// something else; `too_large`: it passes `forward_reply_bytes_max` or is nested too deeply. What we
// do not know in a map is passed over.
Result<std::size_t> read_forward(Bytes input, ForwardHelo& helo);
Result<std::size_t> read_forward(Bytes input, ForwardPong& pong);
Result<std::size_t> read_forward(Bytes input, ForwardAck& ack);
// A server that wants a shared key from a client that has none speaks first.
bool begins_forward_helo(Bytes input);

// What both sides know of each other, or should.
struct ForwardSecrets {
  std::string_view hostname;  // ours; a server refuses one that is its own
  std::string_view shared_key;
  std::string_view user, password;  // looked at only when the server asks for them
};
// `salt`: ours, new for each connection.
inline constexpr std::size_t forward_ping_bytes_max(const ForwardSecrets& secrets,
                                                    std::size_t salt_bytes) {
  return 6 + 6 * MsgpackWriter::head_bytes_max + secrets.hostname.size() + salt_bytes +
         secrets.user.size() + 2 * sizeof(Sha512::HexDigest);
}
void write_forward_ping(MsgpackWriter& out, const ForwardHelo& helo, const ForwardSecrets& secrets,
                        std::string_view salt);
// The server knows the shared key, too. Takes as long for any digest of the right size.
bool proves_shared_key(const ForwardPong& pong, Bytes nonce, const ForwardSecrets& secrets,
                       std::string_view salt);

}  // namespace runnel::codec
