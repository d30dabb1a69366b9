#include "sources/listening/stream_service.hpp"

#include <algorithm>
#include <utility>

#include "async/sleep.hpp"
#include "base/canary.hpp"
#include "base/mark.hpp"
#include "sources/listening/end_at.hpp"
#include "sources/listening/listener.hpp"

namespace runnel::sources {

using async::RecvStream;
using async::Scope;
using async::Task;
using codec::FrameSplitter;
using pipeline::OutletPut;

namespace {

std::size_t short_carry_of(const StreamSettings& settings) {
  return std::min(settings.event_bytes_max, StreamService::short_carry_bytes);
}
std::size_t plain_connections_of(const StreamSettings& settings) {
  const bool any = settings.listen.count() > settings.listen.count_secure();
  return any ? settings.connections_max : 0;
}
std::size_t tls_connections_of(const StreamSettings& settings) {
  return settings.tls ? settings.tls_connections_max : 0;
}
std::size_t connections_of(const StreamSettings& settings) {
  return plain_connections_of(settings) + tls_connections_of(settings);
}
std::size_t long_carries_of(const StreamSettings& settings) {
  if (settings.event_bytes_max <= StreamService::short_carry_bytes) return 0;
  return std::min(connections_of(settings), StreamService::long_carries_max);
}

}  // namespace

void Connection::wake_reader() {
  if (stream != nullptr) stream->wake();
  if (tls != nullptr) tls->tcp->wake();
}

// --- memory and start ----------------------------------------------------------------------------

StreamMemory StreamService::carve(Region& region, const StreamSettings& settings) {
  StreamMemory memory;
  if (settings.listen.empty()) return memory;
  const std::size_t connections = connections_of(settings);
  if (plain_connections_of(settings) > 0)
    memory.pool = io::BufferPool::carve(region, settings.buffers, buffer_bytes, "receive buffers");
  memory.connections = region.array<Connection>(connections, "connections");
  memory.carries = region.bytes(connections * short_carry_of(settings), "short open frames");
  memory.long_carries = region.array<LongCarry>(long_carries_of(settings), "long open frames");
  memory.long_carry_bytes = region.bytes(long_carries_of(settings) * settings.event_bytes_max,
                                         "bytes of long open frames");
  // A connection is three tasks deep: serve, read or put, and the wait for room below it.
  constexpr std::size_t connection_frame_bytes = 2560;
  constexpr std::size_t listener_frame_bytes = 1536;
  constexpr std::size_t service_frame_bytes = 1536;
  region.frames(connections, connection_frame_bytes);
  region.frames(settings.listen.count(), listener_frame_bytes);
  region.frames(1, service_frame_bytes);
  // Each listener may hold one client that waits for a connection to end.
  region.handles(connections + 2 * settings.listen.count());
  if (settings.tls)
    memory.tls = TlsClients::carve(region, *settings.tls, settings.tls_connections_max);
  return memory;
}

StreamService::StreamService(pipeline::SourceContext& context, const StreamSettings& settings,
                             const StreamMemory& memory, StreamIntake& intake)
    : context_(context),
      settings_(settings),
      memory_(memory),
      intake_(intake),
      tls_clients_(memory.tls) {
  Bytes::size_type at = 0;
  const std::span<TlsClient> tls = tls_clients_.all();
  std::size_t number = 0;
  for (Connection& connection : memory_.connections) {
    connection.carry = memory_.carries.subspan(at, short_carry_of(settings));
    at += short_carry_of(settings);
    if (number < tls.size()) connection.tls = &tls[number];
    ++number;
    free_for(connection.tls != nullptr).push_back(connection);
  }
  at = 0;
  for (LongCarry& carry : memory_.long_carries) {
    carry.bytes = memory_.long_carry_bytes.subspan(at, settings.event_bytes_max);
    at += settings.event_bytes_max;
    free_carries_.push_back(carry);
  }
}

StreamService::~StreamService() {
  // Invariant: whoever ran has joined; only idle connections are left.
  RUNNEL_ASSERT(serving_.empty());
  for (Connections* free : {&free_, &free_tls_})
    while (free->take_front() != nullptr) {
    }
  while (free_carries_.take_front() != nullptr) {
  }
  close_listeners();
  if (attached_) context_.reactor().detach(memory_.pool);
}

pipeline::Started StreamService::start() {
  if (settings_.tls) {
    const auto started = tls_clients_.start(context_, *settings_.tls);
    if (!started) return started;
  }
  for (const ListenAddress& where : settings_.listen.all()) {
    const auto opened = open_listener(context_, where, settings_.receive_buffer_bytes);
    if (!opened) return tl::unexpected(opened.error());
    listeners_[listening_++] = *opened;
  }
  if (plain_connections_of(settings_) > 0) {
    context_.reactor().attach(memory_.pool);
    attached_ = true;
  }
  return {};
}

void StreamService::close_listeners() {
  while (listening_ > 0) close_listener(context_, listeners_[--listening_]);
}

// --- life ----------------------------------------------------------------------------------------

Task<void> StreamService::run() {
  Scope& outer = *co_await async::current_scope();
  Scope serving(outer, context_.name);
  Scope accepting(outer, context_.name);
  for (std::size_t index = 0; index < listening_; ++index)
    accepting.spawn(
        accept_from(listeners_[index].handle, listeners_[index].where->secure, serving));
  const Status stopped = co_await context_.stop.wait();
  (void)stopped;  // cancelled: then so are the scopes inside
  accepting.cancel();
  co_await accepting.join();
  close_listeners();

  begin_stop();
  Scope guarding(outer, context_.name);
  // A little later: who only reads ends in order, with its last line.
  guarding.spawn(end_at(serving, after(stop_until_, quiet_at_stop)));
  co_await serving.join();
  guarding.cancel();
  co_await guarding.join();
}

void StreamService::begin_stop() {
  stopping_ = true;
  stop_until_ = after(context_.now(), longest_stop);
  // Who waits for more bytes looks up; who waits for room comes by later.
  for (Connection& connection : serving_) connection.wake_reader();
}

// --- one connection ------------------------------------------------------------------------------

Task<void> StreamService::serve(Connection& connection, Scope& serving) {
  RecvStream stream(io::Verb::recv_stream, connection.handle, memory_.pool);
  FrameSplitter splitter(settings_.framing, connection.carry, settings_.event_bytes_max);
  connection.stream = &stream;
  Status ended = co_await read_all(connection, splitter, stream, serving);
  connection.stream = nullptr;
  co_await stream.stop();
  ended = co_await conclude(connection, splitter, ended);
  end(connection, ended.error());
}

Task<Status> StreamService::conclude(Connection& connection, FrameSplitter& splitter,
                                     Status ended) {
  // A last line without its newline is an event too, however the connection ended.
  if (ended.error() != Error::cancelled && ended.error() != Error::malformed) {
    const Status last = co_await put_last(connection, splitter);
    if (!last) ended = last;
  }
  splitter.reset();
  return_carry(connection, splitter);
  co_return ended;
}

// Until the connection ends, one way or another; says which.
Task<Status> StreamService::read_all(Connection& connection, FrameSplitter& splitter,
                                     RecvStream& stream, Scope& serving) {
  while (!is_over()) {
    auto received = co_await stream.next(read_deadline(connection));
    if (!received) {
      const bool woken = received.error() == Error::cancelled && !serving.cancelled();
      if (reads_on(connection, received.error(), woken)) continue;
      co_return received.error();
    }
    async::BufferLease lease = std::move(*received);
    const Bytes bytes = lease->bytes();
    if (canary(Canary::buffer_recycled_early)) lease = async::BufferLease();
    const Status status = co_await put(connection, splitter, bytes);
    if (!status) co_return status;
    // What this put has woken, and other connections, go before this one's next buffer.
    if (!context_.scheduler.idle()) co_await async::yield();
  }
  co_return Error::timed_out;
}

// After a read that brought nothing.
bool StreamService::reads_on(Connection& connection, Error why, bool woken) {
  if (woken || (why == Error::timed_out && forgive_silence(connection))) return true;
  if (context_.now() >= connection.return_carry_until) complain_of_slow_frame(connection);
  return false;
}

Instant StreamService::read_deadline(const Connection& connection) const {
  if (stopping_) return std::min(after(context_.now(), quiet_at_stop), stop_until_);
  if (settings_.idle_timeout == Duration::zero()) return connection.return_carry_until;
  return std::min(after(context_.now(), settings_.idle_timeout), connection.return_carry_until);
}

// Buffers whose bytes wait for room are missing elsewhere: then silence may be ours, and what the
// peer has sent lies in the kernel. Its time begins again.
bool StreamService::forgive_silence(Connection& connection) {
  const Instant now = context_.now();
  const bool carry_wanted = now >= connection.return_carry_until;
  const Duration patience = carry_wanted ? lent_carry_patience : settings_.idle_timeout;
  // Who waits for this very room for a long frame is no reason to keep it longer.
  const bool for_carry = !carry_wanted && carry_free_.awaited();
  const bool held_up =
      held_up_ > 0 || for_carry || (ever_held_up_ && now < after(held_up_last_, patience));
  if (!held_up || stopping_) return false;
  if (carry_wanted) connection.return_carry_until = after(now, patience);
  return true;
}

Task<Status> StreamService::borrow_carry(Connection& connection, FrameSplitter& splitter) {
  RUNNEL_ASSERT(connection.long_carry == nullptr);
  while (free_carries_.empty()) {
    if (carry_complaint_.due(context_.now()))
      log_warn(context_.name, "all ", memory_.long_carries.size(), " rooms for frames above ",
               HumanSize{short_carry_bytes}, " that come in parts are in use: the next ones wait");
    // Who keeps one and has nothing to go on with looks at the clock anew.
    const Instant until = after(context_.now(), lent_carry_patience);
    for (Connection& each : serving_) {
      if (each.long_carry == nullptr || each.return_carry_until != never) continue;
      each.return_carry_until = until;
      each.wake_reader();
    }
    const Status freed = co_await carry_free_.wait();
    if (!freed) co_return freed;
  }
  connection.long_carry = &free_carries_.pop_front();
  splitter.move_carry(connection.long_carry->bytes);
  co_return Status();
}

// Between frames; no effect when there is none on loan.
void StreamService::return_carry(Connection& connection, FrameSplitter& splitter) {
  if (connection.long_carry == nullptr) return;
  splitter.move_carry(connection.carry);
  free_carries_.push_back(*std::exchange(connection.long_carry, nullptr));
  connection.return_carry_until = never;
  carry_free_.ring();
}

// All whole frames of `input`, for as long as it takes to find room for them.
Task<Status> StreamService::put(Connection& connection, FrameSplitter& splitter, Bytes input) {
  RawEvent like;
  like.context = connection.header.headers();
  like.arrived = context_.now();
  pipeline::Turn turn;
  while (true) {
    Taken taken;
    {
      OutletPut put = context_.outlet.put(turn);
      taken = intake_.take_frames(put, splitter, input, like);
      put.commit();
    }
    input = input.subspan(taken.consumed);
    if (!splitter.inside_frame()) return_carry(connection, splitter);
    if (taken.outcome == Taken::Outcome::all) co_return Status();
    if (taken.outcome == Taken::Outcome::broken) co_return Error::malformed;
    if (stopping_) passed(Seldom::stop_with_putter_waiting);
    Status room;
    if (taken.outcome == Taken::Outcome::outgrown) {
      room = co_await borrow_carry(connection, splitter);
    } else {
      ++held_up_;
      room = co_await context_.outlet.writable(taken.wanted_bytes, turn);
      no_longer_held_up();
    }
    if (!room) {
      complain_of_loss(connection);
      co_return room;
    }
  }
}

Task<Status> StreamService::put_last(Connection& connection, FrameSplitter& splitter) {
  RawEvent like;
  like.context = connection.header.headers();
  like.arrived = context_.now();
  pipeline::Turn turn;
  while (true) {
    Taken taken;
    {
      OutletPut put = context_.outlet.put(turn);
      taken = intake_.take_last_frame(put, splitter, like);
      if (stopping_ && put.events() > 0) passed(Seldom::stop_with_open_line);
      put.commit();
    }
    if (taken.outcome == Taken::Outcome::all) co_return Status();
    if (taken.outcome == Taken::Outcome::broken) co_return Error::malformed;
    ++held_up_;
    const Status room = co_await context_.outlet.writable(taken.wanted_bytes, turn);
    no_longer_held_up();
    if (!room) {
      complain_of_loss(connection);
      co_return room;
    }
  }
}

void StreamService::complain_of_slow_frame(const Connection& connection) {
  ++context_.counters.broken_connections;
  if (broken_complaint_.due(context_.now()))
    log_warn(context_.name, "closed the connection from ", connection.peer, ": its open frame, ",
             "longer than ", HumanSize{short_carry_bytes}, ", did not end while others waited");
}

void StreamService::complain_of_loss(const Connection& connection) const {
  log_error(context_.name, "events from ", connection.peer,
            " are lost: the channel had no room for them before the end");
}

// --- the end of one ------------------------------------------------------------------------------

// Closes and frees the slot. The end of the stream, silence and a stop are ordinary.
void StreamService::end(Connection& connection, Error why) {
  const bool ordinary = why == Error::closed || why == Error::timed_out;
  const std::string_view reason =
      connection.tls == nullptr ? std::string_view() : connection.tls->stream->reason();
  if (!ordinary && why != Error::cancelled) {
    ++context_.counters.broken_connections;
    if (broken_complaint_.due(context_.now())) {
      if (why == Error::malformed && reason.empty())
        log_warn(context_.name, "closed the connection from ", connection.peer,
                 ": what it sends does not follow the framing ", name_of(settings_.framing));
      else
        log_warn(context_.name, "the connection from ", connection.peer,
                 " broke: ", reason.empty() ? describe(why) : reason);
    }
  }
  if (connection.tls == nullptr)
    context_.reactor().discard(connection.handle);
  else
    connection.tls->stream->close();
  connection.handle = io::Handle::none;
  connection.unlink();
  free_for(connection.tls != nullptr).push_back(connection);
  slot_free_.ring();
}

}  // namespace runnel::sources
