// Two net::Streams joined in memory, for tests: what one writes the other reads, in pieces of a
// chosen size, through a pipe of a chosen size.
#pragma once

#include <algorithm>
#include <string>

#include "async/notice.hpp"
#include "async/sleep.hpp"
#include "async/task.hpp"
#include "net/stream.hpp"

namespace runnel::test {

struct Pipe {
  std::string bytes;
  bool ended = false;   // nothing more comes
  bool broken = false;  // writing fails
  async::Notice changed;
};

class MemoryStream final : public net::Stream {
 public:
  MemoryStream(Pipe& in, Pipe& out) : in_(in), out_(out) {}

  async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline) override {
    RUNNEL_ASSERT(!reading_ && !into.empty());
    reading_ = true;
    Status status;
    while (status.ok() && in_.bytes.empty() && !in_.ended) {
      status = co_await in_.changed.wait(deadline);
    }
    reading_ = false;
    if (!status.ok()) co_return fail(status.error());
    if (in_.bytes.empty()) co_return fail(Error::closed);
    const std::size_t size = std::min({into.size(), in_.bytes.size(), piece});
    std::copy_n(as_bytes(in_.bytes).begin(), size, into.begin());
    in_.bytes.erase(0, size);
    in_.changed.ring();
    traffic_.received_bytes += size;
    co_return static_cast<std::uint32_t>(size);
  }

  async::Task<Status> write(Bytes bytes, Instant deadline) override {
    RUNNEL_ASSERT(!writing_);
    writing_ = true;
    Status status;
    while (status.ok() && !bytes.empty()) {
      const std::size_t room = room_bytes - std::min(room_bytes, out_.bytes.size());
      if (out_.broken) {
        status = Error::reset;
      } else if (room == 0) {
        status = co_await out_.changed.wait(deadline);
      } else {
        const Bytes part = bytes.first(std::min({room, bytes.size(), piece}));
        out_.bytes += as_text(part);
        bytes = bytes.subspan(part.size());
        traffic_.sent_bytes += part.size();
        out_.changed.ring();
        co_await async::yield();
      }
    }
    writing_ = false;
    co_return status;
  }

  async::Task<Status> shut(Instant) override { co_return Status(); }
  void close() override {
    open_ = false;
    out_.ended = true;
    out_.changed.ring();
  }
  bool is_open() const override { return open_; }
  const net::Traffic& traffic() const override { return traffic_; }

  void connect_again() {
    open_ = true;
    out_.bytes.clear();
    out_.ended = false;
  }

  std::size_t piece = SIZE_MAX;
  std::size_t room_bytes = 64 * 1024;

 private:
  Pipe& in_;
  Pipe& out_;
  net::Traffic traffic_;
  bool open_ = true;
  bool reading_ = false, writing_ = false;
};

}  // namespace runnel::test
