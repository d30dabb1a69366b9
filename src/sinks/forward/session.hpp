// A conversation with a Forward server: greets it where there is a shared key, sends a message, and
// waits until the server has acknowledged it. One at a time; after any failure the session has to
// be ended, and the next message begins a new one.
#pragma once

#include "base/region.hpp"
#include "codec/forward.hpp"
#include "pipeline/sink.hpp"
#include "sinks/forward/settings.hpp"

namespace runnel::sinks {

struct ForwardSessionMemory {
  static ForwardSessionMemory carve(Region& region, const UplinkSettings& uplink);
  UplinkMemory uplink;
  MutableBytes out;  // what is short and written at once
  MutableBytes in;   // HELO, and PONG behind it; or an acknowledgement
};

class ForwardSession {
 public:
  // All of them outlive it.
  ForwardSession(pipeline::SinkContext& context, const ForwardSettings& settings,
                 const ForwardSessionMemory& memory);

  pipeline::Started start() { return uplink_.start(); }
  // Connects first if need be. Ok: the server has acknowledged the frame or, when nobody asks for
  // acknowledgements, its kernel has.
  async::Task<Status> send(std::string_view tag, const pipeline::Frame& frame);
  void end();
  // The same, with a goodbye where TLS has one.
  async::Task<void> leave();
  // More about the last failure, for a person; empty: the error says it all.
  std::string_view reason() const { return reason_.text(); }

 private:
  async::Task<Status> open();
  async::Task<Status> greet();
  async::Task<Status> write(std::string_view tag, const pipeline::Frame& frame);
  async::Task<Status> wait_for_ack();
  // Reads on until there is a whole message of this kind.
  template <class Message>
  async::Task<Status> receive(Message& message);

  codec::ForwardSecrets secrets() const;
  void make_salt();
  void note_chunk(const pipeline::BatchId& id);
  std::size_t write_head(std::string_view tag, std::size_t entries_bytes);
  Bytes option_of(const pipeline::Frame& frame, std::size_t from);
  bool was_greeted() const;
  void forget_replies() { filled_ = used_ = 0; }
  template <class... Args>
  void explain(const Args&... args) {
    reason_.clear();
    ((reason_ << args), ...);
  }

  pipeline::SinkContext& context_;
  const ForwardSettings& settings_;
  ForwardSessionMemory memory_;
  Uplink uplink_;
  bool lasts_ = true;              // the server allows more than one message
  std::size_t filled_ = 0;         // of `in`
  std::size_t used_ = 0;           // of that: read already
  std::array<char, 32> own_name_;  // the instance, in hex
  std::array<char, 32> salt_;
  codec::ForwardChunk chunk_;  // of the message under way
  Text<256> reason_;
};

}  // namespace runnel::sinks
