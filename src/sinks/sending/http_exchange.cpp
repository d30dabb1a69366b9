#include "sinks/sending/http_exchange.hpp"

#include <algorithm>
#include <cstring>

#include "codec/http/date.hpp"

namespace runnel::sinks {

using async::Task;
using codec::http::BodyReader;
using codec::http::ResponseHead;
using codec::http::ResponseReader;

MutableBytes HttpExchange::carve(Region& region) {
  constexpr std::size_t frame_bytes = 1280;
  region.frames(4, frame_bytes);  // run, try_run, read_head, read_body
  return region.bytes(head_bytes_max, "HTTP answer");
}

Task<Result<HttpReply>> HttpExchange::run(std::string_view head, Bytes body, AnswerReader* reader) {
  reader_ = reader;
  if (reader_ != nullptr) reader_->begin();
  auto reply = co_await try_run(head, body);
  if (!reply) uplink_.close();
  co_return reply;
}

Task<Result<HttpReply>> HttpExchange::try_run(std::string_view head, Bytes body) {
  begin_ = end_ = 0;
  text_.clear();
  noted_ = Noted::nothing;
  const Status head_sent = co_await uplink_.write(as_bytes(head));
  if (!head_sent) co_return fail(head_sent.error());
  // Who does not want the body may answer and close before all of it is sent: the answer counts.
  const Status body_sent = co_await uplink_.write(body);
  if (!body_sent && body_sent.error() != Error::reset && body_sent.error() != Error::closed)
    co_return fail(body_sent.error());
  ResponseHead answer;
  const Status head_read = co_await read_head(answer);
  if (!head_read) co_return fail(body_sent ? head_read.error() : body_sent.error());
  HttpReply reply;
  reply.status = answer.status;
  const bool keep_alive = answer.keep_alive && body_sent;
  text_ << answer.status << ' ' << answer.reason.substr(0, 60);
  if (const auto wait = answer.fields.find("retry-after"))
    reply.retry_after =
        codec::http::retry_after(*wait, context_.clock.now()).value_or(Duration::zero());
  const Status body_read = co_await read_body(answer.body);
  // The status has been given: a body that is cut short changes nothing.
  if (!body_read && body_read.error() == Error::cancelled) co_return fail(Error::cancelled);
  reply.whole = body_read.ok();
  if (!body_read || !keep_alive) uplink_.close();
  reply.text = text_.text();
  co_return reply;
}

Task<Status> HttpExchange::read_head(ResponseHead& head) {
  ResponseReader reader(codec::http::Asked::ordinary);
  for (;;) {
    const auto step = reader.look(Bytes(buffer_).first(end_), head);
    if (step.kind == ResponseReader::Step::Kind::broken) co_return step.error;
    if (step.kind == ResponseReader::Step::Kind::head) {
      begin_ = step.consumed;
      co_return Status();
    }
    if (end_ == buffer_.size()) co_return Error::too_large;
    const auto received = co_await uplink_.read(buffer_.subspan(end_));
    if (!received) co_return received.error();
    end_ += *received;
  }
}

Task<Status> HttpExchange::read_body(codec::http::BodyFraming framing) {
  BodyReader reader(framing, reader_ == nullptr ? body_bytes_max : read_body_bytes_max);
  for (;;) {
    const auto step = reader.next(Bytes(buffer_).subspan(begin_, end_ - begin_));
    begin_ += step.consumed;
    if (step.kind == BodyReader::Step::Kind::end)
      co_return begin_ == end_ ? Error::none : Error::malformed;
    if (step.kind == BodyReader::Step::Kind::broken) co_return step.error;
    if (step.kind == BodyReader::Step::Kind::data) {
      note(step.data);
      if (reader_ != nullptr) reader_->take(step.data);
      continue;
    }
    begin_ = end_ = 0;
    const auto received = co_await uplink_.read(buffer_);
    if (!received && received.error() == Error::closed) {
      const auto last = reader.finish();
      co_return last.kind == BodyReader::Step::Kind::end ? Error::none : Error::closed;
    }
    if (!received) co_return received.error();
    end_ = *received;
  }
}

// The first line of the body, as far as it is text: it goes into the log.
void HttpExchange::note(Bytes body) {
  if (noted_ == Noted::nothing) text_ << ": ";
  if (noted_ == Noted::all) return;
  noted_ = Noted::something;
  for (const char c : as_text(body)) {
    if (c == '\n' || text_.room() == 0) {
      noted_ = Noted::all;
      return;
    }
    text_ << (c >= ' ' && c <= '~' ? c : '?');
  }
}

}  // namespace runnel::sinks
