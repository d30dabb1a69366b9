#include "async/recv_stream.hpp"

#include "async/scheduler.hpp"

namespace runnel::async {

RecvStream::RecvStream(io::Verb stream, io::Handle from, io::BufferPool& buffers) {
  RUNNEL_ASSERT(io::is_stream(stream));
  verb = stream;
  handle = from;
  pool = &buffers;
  filled = &arrived_;
}

RecvStream::~RecvStream() {
  // Invariant: the reactor no longer knows this stream.
  RUNNEL_ASSERT(state != io::Operation::State::submitted);
  give_back_arrived();
}

void RecvStream::give_back_arrived() {
  while (io::Buffer* buffer = arrived_.take_front()) {
    buffer->state = io::Buffer::State::leased;
    reactor_->recycle(*pool, *buffer);
  }
}

void RecvStream::handed_over() {
  if (next_ != nullptr && (!arrived_.empty() || state == io::Operation::State::completed))
    std::exchange(next_, nullptr)->complete(Error::none);
  if (stop_ != nullptr && state == io::Operation::State::completed)
    std::exchange(stop_, nullptr)->complete(Error::none);
}

void RecvStream::wake() {
  if (next_ != nullptr) std::exchange(next_, nullptr)->complete(Error::cancelled);
}

void RecvStream::Next::start() {
  RUNNEL_ASSERT(stream_.next_ == nullptr);
  if (stream_.state == io::Operation::State::idle) {
    stream_.reactor_ = &scheduler().reactor();
    stream_.reactor_->submit(stream_);
  }
  if (!stream_.arrived_.empty() || stream_.state == io::Operation::State::completed) {
    complete(Error::none);
  } else {
    stream_.next_ = this;
  }
}

// The stream goes on: only this look at it ends.
void RecvStream::Next::abort() {
  stream_.next_ = nullptr;
  complete(Error::cancelled);
}

Result<BufferLease> RecvStream::Next::await_resume() {
  if (error() != Error::none) return fail(error());
  if (stream_.arrived_.empty()) {
    const Error why = stream_.error;
    return fail(why == Error::none ? Error::closed : why);
  }
  io::Buffer& buffer = stream_.arrived_.pop_front();
  buffer.state = io::Buffer::State::leased;
  return BufferLease(*stream_.reactor_, *stream_.pool, buffer);
}

void RecvStream::Stop::start() {
  if (stream_.state != io::Operation::State::submitted) {
    complete(Error::none);
    return;
  }
  stream_.stop_ = this;
  stream_.reactor_->cancel(stream_);
}

void RecvStream::Stop::await_resume() { stream_.give_back_arrived(); }

}  // namespace runnel::async
