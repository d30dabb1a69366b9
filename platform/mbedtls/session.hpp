// One connection of mbedTLS. Lies at the beginning of its memory, its arena behind it.
//
// Two thirds of the arena are the library's buffers for a record each way, and a chain of
// certificates with long keys does not fit into the rest. But what a client sends in a handshake is
// short. So the end of its outgoing buffer is lent, until data is sent, to the step that parses and
// verifies the chain.
//
// No copies on the way: what is outgoing lies in the library's own buffer, and large records are
// received into it. The library asks for the 5 bytes of a record's head first; `feed_` takes those
// and whatever comes with them, so that a small record is one receive.
#pragma once

#include <array>
#include <optional>

#include <mbedtls/ssl.h>

#include "platform/mbedtls/arena.hpp"
#include "platform/mbedtls/context.hpp"
#include "platform/mbedtls/verification.hpp"

namespace runnel::mbedtls {

class Session final : public net::TlsSession {
 public:
  static constexpr std::size_t bytes = net::tls_session_bytes;

  Session(MutableBytes memory, Context& context, net::HandshakePace& pace);
  ~Session() override { Session::end(); }

  Status begin(std::string_view server_name) override;
  Result<net::TlsNext> handshake() override;
  Result<std::uint32_t> encrypt(Bytes plain) override;
  Result<net::TlsNext> decrypt(MutableBytes into, std::uint32_t& size) override;
  Status close_notify() override;
  Bytes outgoing() const override { return outgoing_; }
  void sent() override;
  MutableBytes incoming() override;
  void received(std::size_t size) override;
  void end() override;

  std::string_view reason() const override { return reason_.text(); }
  std::string_view alpn() const override;
  std::string_view version() const override;
  std::string_view cipher() const override;
  std::string_view peer_name() const override { return peer_name_.text(); }
  bool resumed() const override { return stage_ == Stage::established && !saw_certificates_; }
  std::size_t peak_bytes() const override { return arena_.peak_bytes(); }
  std::size_t used_bytes() const override { return arena_.used_bytes(); }

 private:
  enum class Stage : std::uint8_t { idle, handshake, established, failed };

  static int send(void* session, const unsigned char* data, std::size_t size);
  static int receive(void* session, unsigned char* into, std::size_t size);

  Call call(bool lent_first = false) {
    return Call(Memory{arena_, &context_.arena(), lent_ ? &*lent_ : nullptr, lent_first},
                context_.surroundings());
  }
  Status choose_server_name(std::string_view name);
  Status set_up();
  void lend_output();
  bool take_back_output();
  bool ran_out();  // of any memory, since it was asked last
  Result<net::TlsNext> established();
  // What a result of the library other than success means. `again`: it only wants to be called
  // again.
  Result<net::TlsNext> next(int code);
  Error failed(int code);
  void explain(int code, Error& error);

  Context& context_;
  Arena arena_;
  std::optional<Arena> lent_;
  std::size_t handshake_sends_most_ = 0;
  mbedtls_ssl_context ssl_;
  Stage stage_ = Stage::idle;
  bool saw_certificates_ = false;
  bool peer_said_goodbye_ = false;
  Text<255> server_name_;
  Text<64> peer_name_;
  Text<400> reason_;
  Verification verification_{reason_};

  // What the library wants to send, and how much of it is sent without its knowing yet.
  Bytes outgoing_;
  std::size_t sent_ = 0;

  // What the library asked for and did not get; and what of that was received right there.
  MutableBytes wanted_;
  std::size_t received_there_ = 0;
  std::size_t feed_begin_ = 0, feed_end_ = 0;
  std::array<std::byte, 768> feed_;
};

}  // namespace runnel::mbedtls
