#include "platform/kafka/producer.hpp"

#include <algorithm>
#include <array>

#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/kafka/library_call.hpp"
#include "platform/kafka/verdicts.hpp"
#include "platform/linux/errno.hpp"

namespace runnel::kafka {

using net::KafkaMessage;
using net::KafkaReport;

namespace {

// Tags travel as what the library takes for a pointer of ours.
void* opaque_from(std::uint32_t tag) {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(tag));
}
std::uint32_t tag_from(const void* opaque) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(opaque));
}

std::size_t count_headers(Bytes encoded) {
  std::size_t count = 0;
  net::each_kafka_header(encoded, [&](std::string_view, std::string_view) { ++count; });
  return count;
}

rd_kafka_headers_t* headers_from(Bytes encoded) {
  rd_kafka_headers_t* headers = ::rd_kafka_headers_new(count_headers(encoded));
  net::each_kafka_header(encoded, [&](std::string_view name, std::string_view value) {
    ::rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
  });
  return headers;
}

}  // namespace

Built<std::unique_ptr<Producer>> Producer::create(const net::KafkaSettings& settings) {
  auto configuration = make_configuration(settings);
  if (!configuration) return tl::unexpected(configuration.error());
  const int bell = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (bell < 0) return problem(concat("no eventfd: ", describe(linux_os::last_error())));
  std::unique_ptr<Producer> made(new Producer(std::move(*configuration), bell));
  if (const std::string_view why = made->open(); !why.empty())
    return problem(concat("librdkafka does not start: ", why));
  return made;
}

Producer::~Producer() {
  close();
  ::close(bell_);
}

std::string_view Producer::open() {
  const LibraryCall call;
  rd_kafka_conf_t* copy = ::rd_kafka_conf_dup(configuration_.get());
  producer_ = ::rd_kafka_new(RD_KAFKA_PRODUCER, copy, problem_.data(), problem_.size());
  if (producer_ == nullptr) {
    ::rd_kafka_conf_destroy(copy);
    return problem_[0] == '\0' ? "it does not say why" : problem_.data();
  }
  queue_ = ::rd_kafka_queue_get_main(producer_);
  constexpr std::uint64_t ring = 1;
  ::rd_kafka_queue_io_event_enable(queue_, bell_, &ring, sizeof(ring));
  return {};
}

void Producer::close() {
  if (producer_ == nullptr) return;
  const LibraryCall call;
  if (event_ != nullptr) ::rd_kafka_event_destroy(event_);
  event_ = nullptr;
  ::rd_kafka_queue_io_event_enable(queue_, -1, nullptr, 0);
  ::rd_kafka_queue_destroy(queue_);
  ::rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  ::rd_kafka_destroy(producer_);
  queue_ = nullptr;
  producer_ = nullptr;
}

bool Producer::is_broken() const {
  return producer_ == nullptr ||
         ::rd_kafka_fatal_error(producer_, nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

Status Producer::renew() {
  close();
  const std::string_view why = open();
  if (why.empty()) return {};
  complaint_.clear();
  complaint_ << why;
  return Error::no_memory;
}

// --- messages ------------------------------------------------------------------------------------

Status Producer::send(const KafkaMessage& message) {
  if (producer_ == nullptr) return Error::not_available;
  const LibraryCall call;
  std::array<char, 256> topic;
  RUNNEL_ASSERT(message.topic.size() < topic.size());
  topic[message.topic.copy(topic.data(), topic.size() - 1)] = '\0';
  std::array<rd_kafka_vu_t, 7> parts;
  std::size_t count = 0;
  const auto add = [&](rd_kafka_vtype_t type) -> auto& {
    parts[count].vtype = type;
    return parts[count++].u;
  };
  const auto memory = [&](rd_kafka_vtype_t type, std::string_view bytes) {
    auto& part = add(type);
    // The library only reads it.
    part.mem.ptr = const_cast<char*>(bytes.data());
    part.mem.size = bytes.size();
  };
  add(RD_KAFKA_VTYPE_TOPIC).cstr = topic.data();
  add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
  add(RD_KAFKA_VTYPE_OPAQUE).ptr = opaque_from(message.tag);
  memory(RD_KAFKA_VTYPE_VALUE, as_text(message.value));
  if (message.key) memory(RD_KAFKA_VTYPE_KEY, *message.key);
  if (message.timestamp_ms) add(RD_KAFKA_VTYPE_TIMESTAMP).i64 = *message.timestamp_ms;
  rd_kafka_headers_t* headers = nullptr;
  if (!message.headers.empty()) {
    headers = headers_from(message.headers);
    add(RD_KAFKA_VTYPE_HEADERS).headers = headers;
  }
  rd_kafka_error_t* error = ::rd_kafka_produceva(producer_, parts.data(), count);
  if (error == nullptr) return {};
  const Error why = error_from(::rd_kafka_error_code(error));
  if (headers != nullptr) ::rd_kafka_headers_destroy(headers);
  if (why != Error::no_room && why != Error::too_large) {
    complaint_.clear();
    complaint_ << ::rd_kafka_error_string(error);
  }
  ::rd_kafka_error_destroy(error);
  return why;
}

void Producer::give_up() {
  if (producer_ == nullptr) return;
  const LibraryCall call;
  ::rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
}

// --- reports -------------------------------------------------------------------------------------

std::optional<KafkaReport> Producer::take_report() {
  const LibraryCall call;
  for (;;) {
    const rd_kafka_message_t* message =
        event_ == nullptr ? nullptr : ::rd_kafka_event_message_next(event_);
    if (message != nullptr) {
      KafkaReport report;
      report.tag = tag_from(message->_private);
      report.verdict = verdict_on(message->err);
      report.error = error_from(message->err);
      report.reason = ::rd_kafka_err2str(message->err);
      return report;
    }
    if (!next_event()) return std::nullopt;
  }
}

// The bell first: what rings after that is not lost, and what came before is in the queue.
bool Producer::next_event() {
  if (producer_ == nullptr) return false;
  if (event_ != nullptr) ::rd_kafka_event_destroy(event_);
  event_ = ::rd_kafka_queue_poll(queue_, 0);
  if (event_ == nullptr) {
    silence_bell();
    event_ = ::rd_kafka_queue_poll(queue_, 0);
  }
  if (event_ == nullptr) return false;
  if (::rd_kafka_event_type(event_) == RD_KAFKA_EVENT_ERROR) note_trouble();
  return true;
}

void Producer::silence_bell() const {
  std::uint64_t rings = 0;
  // Nothing to read: it did not ring.
  [[maybe_unused]] const ssize_t size = ::read(bell_, &rings, sizeof(rings));
}

void Producer::note_trouble() {
  // That all are down is no news where it is known why.
  if (::rd_kafka_event_error(event_) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
      complaint_.size() > 0)
    return;
  complaint_.clear();
  complaint_ << ::rd_kafka_event_error_string(event_);
}

}  // namespace runnel::kafka
