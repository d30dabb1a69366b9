// How a StreamService gets its clients.
#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "sources/listening/stream_service.hpp"

namespace runnel::sources {

using async::Scope;
using async::Task;

namespace {

constexpr Duration accept_pause = std::chrono::milliseconds(100);

}  // namespace

Task<void> StreamService::accept_from(io::Handle listener, bool secure, Scope& serving) {
  io::Address peer;
  while (true) {
    const Status room = co_await wait_for_slot(secure);
    if (!room) co_return;
    const auto accepted = co_await async::accept(listener, peer);
    if (!accepted) {
      const Status go_on = co_await pause_after(accepted.error());
      if (!go_on) co_return;
      continue;
    }
    // Another listener may have taken the last slot meanwhile: then this client waits for one.
    const Status still_room = co_await wait_for_slot(secure);
    if (!still_room) {
      ++context_.counters.refused_connections;
      context_.reactor().discard(*accepted);
      co_return;
    }
    begin(free_for(secure).pop_front(), *accepted, peer, serving);
  }
}

Task<Status> StreamService::wait_for_slot(bool secure) {
  while (free_for(secure).empty()) {
    if (limit_complaint_.due(context_.now()))
      log_warn(context_.name, "all ",
               secure ? settings_.tls_connections_max : settings_.connections_max, " connections (",
               secure ? "tls." : "", "connections_max) are in use: the next ones wait");
    const Status freed = co_await slot_free_.wait();
    if (!freed) co_return freed;
  }
  co_return Status();
}

// Ok: try again.
Task<Status> StreamService::pause_after(Error error) {
  if (error == Error::cancelled) co_return error;
  ++context_.counters.errors;
  // The client went away while it waited to be accepted: the next one is another.
  if (error == Error::reset || error == Error::closed) co_return Status();
  // Nothing gets better at once: the process, the machine or the network is at its limit.
  if (accept_complaint_.due(context_.now()))
    log_warn(context_.name, "cannot accept connections: ", describe(error), "; trying on");
  const Status slept = co_await async::sleep_until(after(context_.now(), accept_pause));
  co_return slept;
}

void StreamService::begin(Connection& connection, io::Handle handle, const io::Address& peer,
                          Scope& serving) {
  connection.handle = handle;
  connection.peer = peer;
  connection.header.set(settings_.peer_header, peer);
  serving_.push_back(connection);
  ++context_.counters.accepted_connections;
  if (connection.tls == nullptr) {
    serving.spawn(serve(connection, serving));
  } else {
    connection.tls->tcp->adopt(handle);
    serving.spawn(serve_tls(connection));
  }
}

}  // namespace runnel::sources
