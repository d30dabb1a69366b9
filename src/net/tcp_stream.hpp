// A TCP connection as a Stream. Made by a Dialer or from an accepted handle.
#pragma once

#include "io/operation.hpp"
#include "io/reactor.hpp"
#include "net/stream.hpp"

namespace runnel::async {
class OperationWait;
}

namespace runnel::net {

class TcpStream final : public Stream {
 public:
  explicit TcpStream(io::Reactor& reactor) : reactor_(reactor) {}
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override { close(); }

  // Takes over a connected socket; counts its traffic from zero. It must be closed.
  void adopt(io::Handle connected);
  io::Handle handle() const { return handle_; }

  async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline) override;
  async::Task<Status> write(Bytes bytes, Instant deadline) override;
  async::Task<Status> shut(Instant deadline) override;
  void close() override;
  bool is_open() const override { return handle_ != io::Handle::none; }
  const Traffic& traffic() const override { return traffic_; }
  // The read that is under way, or else the next one, ends as `timed_out`; the stream goes on. For
  // owners that have to tell their reader something.
  void wake();

  // Coroutine frames of one read and one write.
  static constexpr std::size_t frame_bytes = 1024;

 private:
  io::Reactor& reactor_;
  io::Handle handle_ = io::Handle::none;
  Traffic traffic_;
  async::OperationWait* reading_ = nullptr;  // what a read waits for
  bool woken_ = false;
};

}  // namespace runnel::net
