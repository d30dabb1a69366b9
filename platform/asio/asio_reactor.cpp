#include "platform/asio/asio_reactor.hpp"

#include <cerrno>
#include <ctime>
#include <utility>

#include <unistd.h>

#include "base/assert.hpp"
#include "platform/linux/calls.hpp"
#include "platform/linux/errno.hpp"

namespace runnel::asio_driver {

using io::Operation;
using io::StreamOperation;
using io::Verb;
using linux_os::advance;
using linux_os::error_from_errno;
using linux_os::Progress;

namespace {

int descriptor_of(const Operation& operation) { return static_cast<int>(operation.handle); }

// Verbs that go to a file system: they are carried out in poll, never waited for. Reading and
// writing belong here until a handle shows that it is a pipe or a terminal.
bool is_file_work(Verb verb) {
  switch (verb) {
    case Verb::open:
    case Verb::read:
    case Verb::write:
    case Verb::truncate:
    case Verb::allocate:
    case Verb::stat:
    case Verb::rename:
    case Verb::unlink:
      return true;
    default:
      return false;
  }
}

Direction& direction_of(Slot& slot, Verb verb) {
  return linux_os::waits_to_write(verb) ? slot.writing : slot.reading;
}

}  // namespace

AsioMemory AsioReactor::carve(Region& region, std::uint32_t handles_max) {
  AsioMemory memory;
  // Not an array of slots: those would be made now and all their pages become resident.
  const MutableBytes slots = region.bytes(handles_max * sizeof(SlotTable::Entry), "handle slots");
  void* const first = slots.data();
  memory.slots = {static_cast<SlotTable::Entry*>(first), handles_max};
  memory.pools = region.array<PoolState>(pools_max, "buffer pool states");
  return memory;
}

Built<std::unique_ptr<AsioReactor>> AsioReactor::create(const AsioMemory& memory,
                                                        const AsioOptions& options) {
  constexpr int unavailable = 69;
  auto readiness = Readiness::make(memory.slots);
  if (!readiness)
    return problem(concat("cannot start the asio driver: ", describe(readiness.error())),
                   unavailable);
  std::unique_ptr<AsioReactor> made(new AsioReactor(memory, options, std::move(*readiness)));
  if (made->aio_.available() && made->slots_.at(made->aio_.descriptor()) == nullptr)
    return problem("cannot start the asio driver: too few handles are planned", unavailable);
  return made;
}

AsioReactor::AsioReactor(const AsioMemory& memory, const AsioOptions& options,
                         std::unique_ptr<Readiness> readiness)
    : slots_(memory.slots),
      pools_(memory.pools),
      readiness_(std::move(readiness)),
      aio_(!options.without_aio) {
  description_ << "asio on epoll: files in place, ";
  if (aio_.available())
    description_ << "sync by Linux AIO";
  else
    description_ << "sync in place (Linux AIO refused: "
                 << describe(error_from_errno(aio_.refusal())) << ')';
}

AsioReactor::~AsioReactor() {
  // Whatever still waits is let go uncompleted: its owners go down with the process.
  for (OperationList* list : {&submitted_, &files_, &syncs_, &done_})
    while (list->take_front() != nullptr) {
    }
  while (refilled_.take_front() != nullptr) {
  }
}

Instant AsioReactor::now() const {
  timespec time;
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return instant_from_ns(std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec);
}

// --- taking operations and handing them back -----------------------------------------------------

void AsioReactor::submit(Operation& operation) {
  RUNNEL_ASSERT(operation.state != Operation::State::submitted);
  RUNNEL_ASSERT(!operation.linked());
  operation.state = Operation::State::submitted;
  operation.error = Error::none;
  operation.result = 0;
  operation.truncated = false;
  operation.driver_flags = queued;
  operation.driver_data = nullptr;
  moderation_.submitted(operation.verb);
  submitted_.push_back(operation);
}

void AsioReactor::finish(Operation& operation) {
  RUNNEL_ASSERT(operation.state == Operation::State::submitted);
  operation.state = Operation::State::completed;
  done_.push_back(operation);
}

void AsioReactor::finish(Operation& operation, Error error) {
  operation.error = error;
  operation.result = 0;
  finish(operation);
}

// A stream that its owner has not yet taken from the last poll's list is already on its way.
void AsioReactor::hand_over(StreamOperation& stream) {
  if (!stream.linked()) done_.push_back(stream);
}

void AsioReactor::cancel(Operation& operation) {
  if (operation.state != Operation::State::submitted) return;
  // Half a close is worse than a late one: nobody would know whether the handle is still there.
  if (operation.verb == Verb::close) return;
  switch (operation.driver_flags) {
    case queued:
    case waiting:
      operation.unlink();
      // A write to a pipe that has begun reports what it wrote.
      if (operation.verb == Verb::write && operation.result > 0)
        finish(operation);
      else
        finish(operation, Error::cancelled);
      return;
    case streaming:
      end_stream(*static_cast<Direction*>(operation.driver_data), Error::cancelled);
      return;
    case running:
      return;  // a sync in the kernel: it completes normally
  }
}

void AsioReactor::poll(Instant until, io::CompletedList& completed) {
  begin_submitted();
  for (;;) {
    const bool busy = !done_.empty() || !files_.empty() || !refilled_.empty();
    const Instant started = now();
    // What waits for readiness besides streams is accepts and the like; files are done in place.
    if (!busy && started < until) linux_os::rest(moderation_.take_rest(started, until));
    readiness_->turn(started, busy ? started : until);
    attend_ready();
    serve_parked();
    work_on_files();
    const Instant ended = now();
    moderation_.turn_ends(ended);
    if (!done_.empty() || ended >= until) break;
  }
  completed.splice_back(done_);
}

void AsioReactor::discard(io::Handle handle) {
  if (handle != io::Handle::none) close_now(static_cast<int>(handle));
}

int AsioReactor::close_now(int descriptor) {
  if (Slot* slot = slots_.find(descriptor)) {
    RUNNEL_ASSERT(slot->reading.waiting.empty() && slot->writing.waiting.empty());
    RUNNEL_ASSERT(slot->reading.stream == nullptr);
    readiness_->forget(*slot);
  }
  // Not repeated after EINTR: Linux has released the number by then.
  return ::close(descriptor) < 0 && errno != EINTR ? errno : 0;
}

void AsioReactor::begin_submitted() {
  while (Operation* operation = submitted_.take_front()) begin(*operation);
}

void AsioReactor::begin(Operation& operation) {
  if (is_stream(operation.verb))
    begin_stream(static_cast<StreamOperation&>(operation));
  else if (operation.verb == Verb::close)
    finish(operation, error_from_errno(close_now(descriptor_of(operation))));
  else if (operation.verb == Verb::sync)
    begin_sync(operation);
  else if (is_file_work(operation.verb))
    files_.push_back(operation);
  else
    begin_waiting(operation);
}

// --- operations that wait for readiness ----------------------------------------------------------

void AsioReactor::begin_waiting(Operation& operation) {
  Slot* slot = slots_.find(descriptor_of(operation));
  Direction* direction = slot == nullptr ? nullptr : &direction_of(*slot, operation.verb);
  // Behind others it waits its turn; alone it is tried at once, which mostly succeeds.
  if (direction == nullptr || direction->waiting.empty()) {
    const Progress progress = advance(operation);
    if (progress == Progress::done) return finish_made(operation);
    slot = slots_.at(descriptor_of(operation));
    if (slot == nullptr) return finish(operation, Error::too_many_handles);
    direction = &direction_of(*slot, operation.verb);
  }
  operation.driver_flags = waiting;
  direction->waiting.push_back(operation);
  want(*slot, *direction);
}

void AsioReactor::finish_made(Operation& operation) {
  const bool makes_handle = operation.verb == Verb::accept || operation.verb == Verb::open;
  // A number that comes back although it was never closed here was closed behind our back: what
  // Asio knows about the old one would make it deaf for the new one.
  if (makes_handle && operation.error == Error::none)
    if (Slot* stale = slots_.find(operation.result)) readiness_->forget(*stale);
  finish(operation);
}

void AsioReactor::want(Slot& slot, Direction& direction) {
  // It comes up again by itself.
  if (direction.Link<ReadyTag>::linked()) return;
  const Status status = readiness_->want(slot, direction, direction.descriptor);
  if (!status.ok()) fail_all(direction, status.error());
}

void AsioReactor::fail_all(Direction& direction, Error error) {
  while (Operation* operation = direction.waiting.take_front()) finish(*operation, error);
  if (direction.stream != nullptr) end_stream(direction, error);
}

void AsioReactor::attend_ready() {
  // What becomes ready meanwhile belongs to the next turn.
  Readiness::ReadyList now_ready;
  now_ready.splice_back(readiness_->ready);
  while (Direction* direction = now_ready.take_front()) {
    if (direction->descriptor == aio_.descriptor())
      collect_syncs();
    else
      attend(*direction);
  }
}

void AsioReactor::attend(Direction& direction) {
  if (direction.error != 0) {
    const int reason = std::exchange(direction.error, 0);
    return fail_all(direction, error_from_errno(reason));
  }
  std::uint32_t calls = 0;
  while (!direction.waiting.empty()) {
    if (calls++ == calls_a_turn) return readiness_->ready.push_back(direction);
    Operation& operation = direction.waiting.front();
    const Progress progress = advance(operation);
    if (progress == Progress::would_block)
      return want(*slots_.find(direction.descriptor), direction);
    if (progress == Progress::more) continue;
    operation.unlink();
    finish_made(operation);
  }
  if (direction.stream != nullptr) serve_stream(direction);
}

// --- files ---------------------------------------------------------------------------------------

// Pipes and terminals are handles like files until they block; from then on their reads and writes
// have an order to keep.
bool AsioReactor::waits_behind_others(const Operation& operation) {
  if (operation.verb != Verb::read && operation.verb != Verb::write) return false;
  Slot* slot = slots_.find(descriptor_of(operation));
  return slot != nullptr && !direction_of(*slot, operation.verb).waiting.empty();
}

void AsioReactor::work_on_files() {
  std::uint32_t bytes = 0;
  for (std::uint32_t calls = 0; calls < file_calls_a_turn && bytes < file_bytes_a_turn; ++calls) {
    if (files_.empty()) return;
    Operation& operation = files_.front();
    const std::int32_t bytes_before = operation.verb == Verb::write ? operation.result : 0;
    const Progress progress =
        waits_behind_others(operation) ? Progress::would_block : advance(operation);
    if (operation.verb == Verb::read || operation.verb == Verb::write)
      bytes += static_cast<std::uint32_t>(operation.result - bytes_before);
    if (progress == Progress::more) continue;
    operation.unlink();
    if (progress == Progress::done)
      finish_made(operation);
    else
      begin_waiting(operation);
  }
}

void AsioReactor::begin_sync(Operation& operation) {
  // In order: one that waits for a slot is not overtaken.
  const auto started = syncs_.empty() ? aio_.start(operation) : AioSync::Started::later;
  switch (started) {
    case AioSync::Started::yes: {
      operation.driver_flags = running;
      Slot& slot = *slots_.at(aio_.descriptor());
      want(slot, slot.reading);
      return;
    }
    case AioSync::Started::later:
      return syncs_.push_back(operation);
    case AioSync::Started::no:
      return files_.push_back(operation);
  }
}

void AsioReactor::collect_syncs() {
  aio_.collect([this](Operation& operation) { finish(operation); });
  OperationList again;
  again.splice_back(syncs_);
  while (Operation* operation = again.take_front()) begin_sync(*operation);
  if (!aio_.idle()) {
    Slot& slot = *slots_.at(aio_.descriptor());
    want(slot, slot.reading);
  }
}

}  // namespace runnel::asio_driver
