#include "sources/listening/datagram_service.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "base/mark.hpp"
#include "sources/listening/end_at.hpp"
#include "sources/listening/listener.hpp"

namespace runnel::sources {

using async::BufferLease;
using async::RecvStream;
using async::Scope;
using async::Task;
using pipeline::OutletPut;

namespace {

constexpr Duration receive_pause = std::chrono::milliseconds(100);

}  // namespace

// --- memory and start ----------------------------------------------------------------------------

DatagramMemory DatagramService::carve(Region& region, const DatagramSettings& settings) {
  DatagramMemory memory;
  if (settings.listen.empty()) return memory;
  const std::size_t buffer_bytes =
      align_up(settings.datagram_bytes_max + io::BufferPool::datagram_overhead, 64);
  memory.pool = io::BufferPool::carve(region, settings.buffers,
                                      static_cast<std::uint32_t>(buffer_bytes), "datagram buffers");
  memory.leases =
      region.array<BufferLease>(settings.listen.count() * batch_max, "datagrams of one turn");
  constexpr std::size_t socket_frame_bytes = 2048;
  constexpr std::size_t service_frame_bytes = 1536;
  region.frames(settings.listen.count(), socket_frame_bytes);
  region.frames(1, service_frame_bytes);
  region.handles(settings.listen.count());
  return memory;
}

DatagramService::DatagramService(pipeline::SourceContext& context, const DatagramSettings& settings,
                                 const DatagramMemory& memory, DatagramIntake& intake)
    : context_(context), settings_(settings), memory_(memory), intake_(intake) {}

DatagramService::~DatagramService() {
  close_sockets();
  if (attached_) context_.reactor().detach(memory_.pool);
}

pipeline::Started DatagramService::start() {
  for (const ListenAddress& where : settings_.listen.all()) {
    const auto opened = open_listener(context_, where, settings_.receive_buffer_bytes);
    if (!opened) return tl::unexpected(opened.error());
    Socket& socket = sockets_[listening_];
    socket.listener = *opened;
    socket.leases = memory_.leases.subspan(listening_ * batch_max, batch_max);
    socket.dropped = context_.system.datagrams_dropped(opened->handle).value_or(0);
    ++listening_;
  }
  if (listening_ > 0) {
    context_.reactor().attach(memory_.pool);
    attached_ = true;
  }
  return {};
}

void DatagramService::close_sockets() {
  while (listening_ > 0) close_listener(context_, sockets_[--listening_].listener);
}

// --- life ----------------------------------------------------------------------------------------

Task<void> DatagramService::run() {
  Scope& outer = *co_await async::current_scope();
  Scope receiving(outer, context_.name);
  for (std::size_t index = 0; index < listening_; ++index)
    receiving.spawn(receive(sockets_[index], receiving));
  const Status stopped = co_await context_.stop.wait();
  (void)stopped;  // cancelled: then so is the scope inside

  begin_stop();
  Scope guarding(outer, context_.name);
  guarding.spawn(end_at(receiving, after(stop_until_, quiet_at_stop)));
  co_await receiving.join();
  guarding.cancel();
  co_await guarding.join();
  close_sockets();
}

void DatagramService::begin_stop() {
  stopping_ = true;
  stop_until_ = after(context_.now(), longest_stop);
  for (std::size_t index = 0; index < listening_; ++index)
    if (sockets_[index].stream != nullptr) sockets_[index].stream->wake();
}

// --- one socket ----------------------------------------------------------------------------------

Task<void> DatagramService::receive(Socket& socket, Scope& receiving) {
  while (!receiving.cancelled()) {
    Status ended;
    {
      RecvStream stream(io::Verb::recv_from_stream, socket.listener.handle, memory_.pool);
      socket.stream = &stream;
      ended = co_await read_all(socket, stream, receiving);
      socket.stream = nullptr;
      co_await stream.stop();
    }
    if (stopping_ || receiving.cancelled()) break;
    // A socket's error is about one datagram or about the machine; the socket itself stays good.
    ++context_.counters.errors;
    if (receive_complaint_.due(context_.now()))
      log_warn(context_.name, "receiving on ", socket.listener, ": ", describe(ended.error()),
               "; going on");
    const Status slept = co_await async::sleep_until(after(context_.now(), receive_pause));
    if (!slept) break;
  }
  ask_for_drops(socket);
}

// Until the stream fails or a stop has read what there was; says why.
Task<Status> DatagramService::read_all(Socket& socket, RecvStream& stream, Scope& receiving) {
  while (!is_over()) {
    auto first = co_await stream.next(read_deadline(socket));
    if (!first) {
      const Error error = first.error();
      const bool woken = error == Error::cancelled && !receiving.cancelled();
      const bool only_drops_due = error == Error::timed_out && !stopping_;
      if (only_drops_due) ask_for_drops(socket);
      if (woken || only_drops_due) continue;
      co_return error;
    }
    std::size_t count = 0;
    socket.leases[count++] = std::move(*first);
    // What has arrived already is handed out without suspending.
    while (count < batch_max && stream.has_next()) {
      auto more = co_await stream.next();
      if (!more) break;
      socket.leases[count++] = std::move(*more);
    }
    const Status status = co_await put(socket, count);
    for (BufferLease& lease : socket.leases.first(count)) {
      const BufferLease given_back = std::move(lease);
    }
    note_traffic(socket);
    if (!status) co_return status;
    if (!context_.scheduler.idle()) co_await async::yield();
  }
  co_return Error::timed_out;
}

Instant DatagramService::read_deadline(const Socket& socket) const {
  if (stopping_) return std::min(after(context_.now(), quiet_at_stop), stop_until_);
  return socket.ask_again;
}

Task<Status> DatagramService::put(Socket& socket, std::size_t count) {
  const std::span<const BufferLease> datagrams = socket.leases.first(count);
  const Instant arrived = context_.now();
  DatagramCursor cursor;
  pipeline::Turn turn;
  while (true) {
    Taken taken;
    {
      OutletPut put = context_.outlet.put(turn);
      taken = intake_.take_datagrams(put, datagrams, cursor, arrived);
      put.commit();
    }
    if (taken.outcome == Taken::Outcome::all) co_return Status();
    const Status room = co_await context_.outlet.writable(taken.wanted_bytes, turn);
    if (!room) {
      log_error(context_.name, datagrams.size() - cursor.index, " datagrams on ", socket.listener,
                " are lost: the channel had no room for them before the end");
      co_return room;
    }
  }
}

// --- what the kernel has dropped -----------------------------------------------------------------

void DatagramService::note_traffic(Socket& socket) {
  const Instant now = context_.now();
  if (socket.ask_again == never)
    socket.ask_again = after(now, drops_interval);
  else if (now >= socket.ask_again)
    ask_for_drops(socket);
}

void DatagramService::ask_for_drops(Socket& socket) {
  socket.ask_again = never;
  const auto total = context_.system.datagrams_dropped(socket.listener.handle);
  if (!total) return;
  // The kernel counts in 32 bits.
  const auto more = static_cast<std::uint32_t>(*total - socket.dropped);
  socket.dropped = *total;
  context_.counters.kernel_dropped_events += more;
  socket.unreported += more;
  if (more > 0) passed(Seldom::datagrams_dropped);
  if (socket.unreported == 0 || !socket.complaint.due(context_.now())) return;
  log_error(context_.name, socket.unreported, " datagrams lost on ", socket.listener,
            ": the kernel's buffer was full (raise receive_buffer and net.core.rmem_max, or make "
            "room in the channel)");
  socket.unreported = 0;
}

}  // namespace runnel::sources
