// TLS (RFC 5246) without a library in sight: bytes in, bytes out, no I/O.
// The adapter lives in platform/ (mbedTLS: platform/mbedtls). docs/tls.md has the rules.
//
//   TlsSettings   what is configured; plain values, from which the memory is planned
//   TlsFiles      the PEM texts, read once at start
//   TlsContext    of one component: authorities, certificate, key, the ticket of the last session
//   TlsSession    of one connection; used again for the next one
//
// Everything a context or a session ever allocates lies in the memory it was made in: an arena that
// is full ends the handshake as `no_memory`, never the process. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "io/system.hpp"

namespace runnel::net {

enum class TlsRole : std::uint8_t { client, server };
enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };
// Certificate dates before the clock is set (a device without an RTC boots in 1970).
enum class ClockUnset : std::uint8_t {
  accept,  // dates are not looked at until it is set; said once in the log
  wait,    // no handshake until it is set: `not_available`
};

struct TlsSettings {
  static constexpr std::string_view system_authorities = "/etc/ssl/certs/ca-certificates.crt";
  static constexpr std::size_t alpn_count_max = 8;

  TlsRole role = TlsRole::client;

  // Client: the name, or numeric address, that the server's certificate must be for. Names are also
  // sent in clear (SNI). A session may have another one (`begin`).
  std::string server_name;
  // A file of PEM certificates, or a folder of such files. Client: what servers are checked
  // against; empty: the system's. Server: clients must show a certificate from these; empty: none
  // is asked for.
  std::string ca_file;
  // Planned for what is in `ca_file`. 0: 640 KiB for the system's, 64 KiB for another file.
  std::size_t ca_memory_bytes = 0;
  // Both or neither; a server needs them. The file may hold a chain, its own certificate first.
  std::string certificate_file;
  std::string key_file;           // not encrypted
  std::vector<std::string> alpn;  // in order of preference
  TlsVersion minimum_version = TlsVersion::tls_1_2;
  bool insecure_skip_verify = false;  // client: take any certificate
  ClockUnset clock_unset = ClockUnset::accept;
  Duration handshake_timeout = std::chrono::seconds(10);

  // Whether the peer must show a certificate that passes.
  bool checks_peer() const {
    return role == TlsRole::client ? !insecure_skip_verify : !ca_file.empty();
  }
  std::string_view authorities() const {
    return ca_file.empty() ? system_authorities : std::string_view(ca_file);
  }
};

struct TlsFiles {
  std::string authorities, certificate, key;  // PEM; empty: not configured
};
// What can be told before any file is read: a version that nothing here speaks, a server without
// certificate, ...
Built<void> check_tls(const TlsSettings& settings);
// What a context and a session are planned with, whatever the library (alignment 64).
std::size_t tls_context_bytes(const TlsSettings& settings);
inline constexpr std::size_t tls_session_bytes = 56 * 1024;

// Start-up only. The problem names the file.
Built<TlsFiles> read_tls_files(io::System& system, const TlsSettings& settings);

// What TLS needs of the world: time to check dates against, and randomness.
class TlsSurroundings {
 public:
  virtual ~TlsSurroundings() = default;
  virtual WallTime wall_clock() const = 0;
  virtual bool clock_is_set() const = 0;
  virtual void entropy(MutableBytes into) = 0;
};

class SystemSurroundings final : public TlsSurroundings {
 public:
  explicit SystemSurroundings(io::System& system) : system_(system) {}
  WallTime wall_clock() const override { return system_.wall_clock(); }
  bool clock_is_set() const override { return is_set(wall_clock()); }
  void entropy(MutableBytes into) override { system_.entropy(into); }

 private:
  io::System& system_;
};

// One library call of a handshake lasts milliseconds. Streams that share this make at most one a
// turn of the loop, however many connect at once.
struct HandshakePace {
  std::uint64_t turn = 0;  // of the scheduler, in which the last step was made
};

// What a session needs before it can go on.
enum class TlsNext : std::uint8_t {
  done,     // nothing: the step is complete
  again,    // nothing: call again (a handshake step that took its time)
  receive,  // bytes of the peer: fill `incoming`, call `received`
  send,     // that its bytes go out: send `outgoing`, call `sent`
};

// One connection. Between `begin` and `end` its arena is in use, after `end` it is empty again.
// After a failure only `outgoing` (an alert for the peer may be in it), `reason` and `end` are
// left.
class TlsSession {
 public:
  explicit TlsSession(HandshakePace& pace) : pace_(pace) {}
  virtual ~TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // `server_name`: instead of that of the settings, for a client that follows a redirect; empty:
  // that one. `not_available`: waits for the clock. `no_memory`. `malformed`: no such name can be.
  virtual Status begin(std::string_view server_name) = 0;
  // One step. `access`: the peer's certificate, or ours, was not accepted. `malformed`: not TLS, or
  // against its rules. `closed`: the peer went. `no_memory`. `unsupported`: nothing in common.
  virtual Result<TlsNext> handshake() = 0;

  // Encrypts a beginning of `plain` (at least 1 byte of it) and says how much; then `outgoing` must
  // be sent before the next one. Only when nothing is outgoing.
  virtual Result<std::uint32_t> encrypt(Bytes plain) = 0;
  // `done`: `size` bytes (1 to `into.size()`) were decrypted. `closed`: the peer's close_notify.
  virtual Result<TlsNext> decrypt(MutableBytes into, std::uint32_t& size) = 0;
  // Makes our close_notify outgoing. Only when nothing is outgoing. Reading goes on.
  virtual Status close_notify() = 0;

  // To be sent, all of it; unchanged until `sent`, whatever is read meanwhile.
  virtual Bytes outgoing() const = 0;
  virtual void sent() = 0;
  // Where bytes of the peer go, never empty; valid until `received`, whatever is written meanwhile.
  virtual MutableBytes incoming() = 0;
  virtual void received(std::size_t size) = 0;

  // Gives everything back. Nothing happens when it has not begun.
  virtual void end() = 0;

  // Why the last call failed, for a person: "certificate: expired on 2024-05-01". Empty before.
  // Stays until the next `begin`.
  virtual std::string_view reason() const = 0;
  virtual std::string_view alpn() const = 0;     // agreed on; empty: none
  virtual std::string_view version() const = 0;  // "TLSv1.2"
  virtual std::string_view cipher() const = 0;
  // Of the certificate that the peer showed: the common name of its subject, cut to 64 bytes, which
  // may be any (RFC 5280 appendix A.1). Empty: none was asked for, or it has none.
  virtual std::string_view peer_name() const = 0;
  virtual bool resumed() const = 0;  // without certificates, from the ticket of a session before

  // Of the arena: the most that was ever in use, and what is now.
  virtual std::size_t peak_bytes() const = 0;
  virtual std::size_t used_bytes() const = 0;

  HandshakePace& pace() const { return pace_; }

 private:
  HandshakePace& pace_;
};

// Lives in memory that it does not own: only its destructor is run.
struct DestroyInPlace {
  template <class T>
  void operator()(T* object) const {
    object->~T();
  }
};
template <class T>
using InPlace = std::unique_ptr<T, DestroyInPlace>;

// What the sessions of one component share. Outlives them.
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  // `memory`: `tls_session_bytes`, aligned to 16. Start-up only.
  virtual InPlace<TlsSession> make_session(MutableBytes memory) = 0;
  virtual const TlsSettings& settings() const = 0;
  // Of its memory, the most that was ever in use.
  virtual std::size_t used_bytes() const = 0;
};

// One of an agent. Components carve `tls_context_bytes` and `tls_session_bytes`, and make context
// and sessions when they start.
class TlsLibrary {
 public:
  virtual ~TlsLibrary() = default;

  // Start-up only. `settings`, `surroundings` and `owner` ("sinks.loki": whose lines these are in
  // the log) outlive the context, `files` need not. The problem names the file and says what is
  // wrong with it.
  virtual Built<InPlace<TlsContext>> make_context(MutableBytes memory, const TlsSettings& settings,
                                                  const TlsFiles& files,
                                                  TlsSurroundings& surroundings,
                                                  const char* owner) = 0;
};

}  // namespace runnel::net
