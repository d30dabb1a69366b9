// A server for tests of network sinks: takes connections, keeps what they send, and dies and comes
// back when it is told to. It runs in the process under test, which makes it as simple as a peer on
// the loopback interface; the network between is the simulator's.
#pragma once

#include <deque>
#include <string>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "tests/sim/peer_address.hpp"
#include "tests/sim/pipeline_world.hpp"

namespace runnel::sim {

class Receiver {
 public:
  struct Connection {
    io::Handle handle = io::Handle::none;
    std::string received;
    bool ended = false;
  };

  Receiver(PipelineProcess& process, std::string_view address) : process_(process), at_(address) {}
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;

  void start() {
    const auto listening = process_.system.listen(io::Transport::tcp, at_.address, at_.options());
    REQUIRE(listening.has_value());
    listener_ = *listening;
    scope_.emplace(*process_.scheduler, "receiver");
    scope_->spawn(accept());
  }
  // As a process that is killed: its kernel resets what was not read, and nobody listens. The file
  // of a Unix socket stays.
  void stop() {
    if (listener_ == io::Handle::none) return;
    scope_->cancel();
    REQUIRE(process_.run_until([&] { return scope_->tasks() == 0; }));
    scope_.reset();
    process_.reactor.discard(std::exchange(listener_, io::Handle::none));
  }
  // Reads nothing more until it is told to: a peer that hangs.
  void hang(bool hangs) {
    hangs_ = hangs;
    if (!hangs) goes_on_.ring();
  }
  // Of all connections, one after the other.
  std::string received() const {
    std::string all;
    for (const Connection& each : connections) all += each.received;
    return all;
  }

  std::deque<Connection> connections;

 protected:
  // A peer that speaks first overrides this.
  virtual async::Task<bool> greet(Connection& connection) {
    (void)connection;
    co_return true;
  }
  // A peer that answers overrides this: called when more has been received.
  virtual async::Task<bool> answer(Connection& connection) {
    (void)connection;
    co_return true;
  }
  async::Task<bool> send(Connection& connection, std::string text) {
    Bytes left = as_bytes(text);
    while (!left.empty()) {
      const auto sent = co_await async::send(connection.handle, left);
      if (!sent) co_return false;
      left = left.subspan(*sent);
    }
    co_return true;
  }
  PipelineProcess& process() { return process_; }

 private:
  async::Task<void> accept() {
    io::Address peer;
    for (;;) {
      const auto accepted = co_await async::accept(listener_, peer);
      if (!accepted) co_return;
      Connection& connection = connections.emplace_back();
      connection.handle = *accepted;
      scope_->spawn(serve(connection));
    }
  }
  async::Task<void> serve(Connection& connection) {
    std::byte buffer[4096];
    bool goes_on = co_await greet(connection);
    while (goes_on) {
      while (hangs_) {
        const Status rang = co_await goes_on_.wait();
        if (!rang) break;
      }
      const auto received = co_await async::recv(connection.handle, buffer);
      if (!received || *received == 0) break;
      connection.received += as_text(Bytes(buffer).first(*received));
      goes_on = co_await answer(connection);
    }
    connection.ended = true;
    process_.reactor.discard(connection.handle);
  }

  PipelineProcess& process_;
  PeerAddress at_;
  io::Handle listener_ = io::Handle::none;
  std::optional<async::Scope> scope_;
  bool hangs_ = false;
  async::Notice goes_on_;
};

}  // namespace runnel::sim
