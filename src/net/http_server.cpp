#include "net/http_server.hpp"

#include <algorithm>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "net/http_reply_room.hpp"

namespace runnel::net {

using async::Scope;
using async::Task;

namespace {

constexpr Duration accept_pause = std::chrono::milliseconds(100);

std::size_t bytes_each(const HttpServerSettings& settings) {
  return HttpServer::head_bytes_max + body_room(settings.body_bytes_max) +
         reply_room(settings.piece_bytes);
}

}  // namespace

HttpServerMemory HttpServer::carve(Region& region, const HttpServerSettings& settings) {
  HttpServerMemory memory;
  memory.connections = region.array<HttpConnection>(settings.connections_max, "connections");
  memory.bytes = region.bytes(settings.connections_max * bytes_each(settings),
                              "requests and replies of connections");
  // A connection is four tasks deep at most, but frames are of sizes of their own: all connections
  // may have read a body once, and all have lingered.
  constexpr std::size_t connection_frame_bytes = 3072;
  constexpr std::size_t service_frame_bytes = 2048;
  region.frames(settings.connections_max, connection_frame_bytes);
  region.frames(1, service_frame_bytes);
  region.handles(settings.connections_max + 2);  // the listener, and a client that waits for a slot
  return memory;
}

HttpServer::HttpServer(async::Scheduler& scheduler, io::System& system, const char* name,
                       const HttpServerSettings& settings, const HttpServerMemory& memory,
                       HttpHandler& handler)
    : scheduler_(scheduler),
      system_(system),
      name_(name),
      settings_(settings),
      memory_(memory),
      handler_(handler) {
  MutableBytes left = memory_.bytes;
  const auto take = [&](std::size_t size) {
    const MutableBytes taken = left.first(size);
    left = left.subspan(size);
    return taken;
  };
  for (HttpConnection& connection : memory_.connections) {
    connection.head_bytes = take(head_bytes_max);
    connection.body_bytes = take(body_room(settings.body_bytes_max));
    connection.out_bytes = take(reply_room(settings.piece_bytes));
    free_.push_back(connection);
  }
}

HttpServer::~HttpServer() {
  // Invariant: whoever ran has joined.
  while (free_.take_front() != nullptr) {
  }
  if (listener_ != io::Handle::none) scheduler_.reactor().discard(listener_);
}

Result<io::Address> HttpServer::start() {
  const auto listener = system_.listen(io::Transport::tcp, settings_.listen, io::ListenOptions{});
  if (!listener) return fail(listener.error());
  listener_ = *listener;
  const auto local = system_.local_address(listener_);
  return local ? *local : settings_.listen;
}

Task<void> HttpServer::run() {
  Scope& outer = *co_await async::current_scope();
  Scope serving(outer, name_);
  co_await accept_all(serving);
  serving.cancel();
  co_await serving.join();
  scheduler_.reactor().discard(listener_);
  listener_ = io::Handle::none;
}

Task<void> HttpServer::accept_all(Scope& serving) {
  io::Address peer;
  while (true) {
    const Status room = co_await wait_for_slot();
    if (!room) co_return;
    const auto accepted = co_await async::accept(listener_, peer);
    if (accepted) {
      begin(*accepted, peer, serving);
      continue;
    }
    const Status go_on = co_await pause_after(accepted.error());
    if (!go_on) co_return;
  }
}

Task<Status> HttpServer::wait_for_slot() {
  while (free_.empty()) {
    const Status freed = co_await slot_free_.wait();
    if (!freed) co_return freed;
  }
  co_return Status();
}

// Ok: try again.
Task<Status> HttpServer::pause_after(Error error) {
  if (error == Error::cancelled) co_return error;
  ++counters_.errors;
  // The client went away while it waited to be accepted: the next one is another.
  if (error == Error::reset || error == Error::closed) co_return Status();
  if (accept_complaint_.due(now()))
    log_warn(name_, "cannot accept connections: ", describe(error), "; trying on");
  const Status slept = co_await async::sleep_until(after(now(), accept_pause));
  co_return slept;
}

void HttpServer::begin(io::Handle handle, const io::Address& peer, Scope& serving) {
  HttpConnection& connection = free_.pop_front();
  connection.handle = handle;
  connection.peer = peer;
  connection.first = true;
  connection.last = false;
  connection.unread = false;
  ++counters_.accepted_connections;
  serving.spawn(serve(connection));
}

void HttpServer::end(HttpConnection& connection) {
  scheduler_.reactor().discard(connection.handle);
  connection.handle = io::Handle::none;
  free_.push_back(connection);
  slot_free_.ring();
}

}  // namespace runnel::net
