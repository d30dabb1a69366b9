// The ring and the reader of its records: events with hostile headers and bodies, of any size and
// in any mix of puts, abandoned puts, batches, returns and drops. Every event comes out as it went
// in, in order, or is counted in a gap; headers that are no headers end where their bytes do.
#include <deque>
#include <optional>

#include "async/frame_arena.hpp"
#include "async/task.hpp"
#include "pipeline/channel.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/manual_reactor.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {

struct Sent {
  std::uint64_t number;
  std::string headers, body;
};

async::Task<void> take_one(Subscription& subscription, Take take, std::optional<Batch>& taken) {
  auto batch = co_await subscription.next(take);
  if (batch) taken.emplace(std::move(*batch));
}

struct alignas(4096) Page {
  std::byte bytes[4096];
};
// What lay there before must not matter: the memory is not cleared between inputs.
Page ring_memory[32];
Page frame_memory[16];

class Ring {
 public:
  explicit Ring(WhenFull when_full) {
    const ChannelSettings settings{channel_capacity_min, when_full, 1};
    Region region = Region::over({ring_memory->bytes, sizeof(ring_memory)});
    channel_.emplace(scheduler_, "fuzz", settings, ChannelMemory::carve(region, settings));
    subscription_ = &channel_->subscribe("fuzz");
  }

  void put(fuzz::Input& input) {
    const bool abandoned = input.byte() % 8 == 0;
    const std::size_t count = input.byte() % 8u;
    std::vector<Sent> added;
    {
      Put put = channel_->put();
      for (std::size_t index = 0; index < count; ++index) {
        Sent sent = event_from(input);
        Event event;
        event.time = Time{static_cast<std::int64_t>(sent.number), true};
        event.severity = static_cast<Severity>(sent.number % 9);
        const fuzz::Exact headers(sent.headers), body(sent.body);
        event.headers = Headers(headers.bytes());
        event.body = body.bytes();
        if (!put.append(event)) break;
        added.push_back(std::move(sent));
      }
      if (!abandoned) put.commit();
    }
    if (abandoned) return;  // what it dropped of older ones is a gap all the same
    put_ += added.size();
    for (Sent& sent : added) expected_.push_back(std::move(sent));
  }

  void take(fuzz::Input& input) {
    const std::uint8_t how = input.byte();
    std::optional<Batch> batch;
    const Take limits{.bytes_max = 64u + input.word(), .events_max = how % 8u + 1u, .linger = 0ns};
    {
      async::Scope scope(scheduler_, "take");
      scope.spawn(take_one(*subscription_, limits, batch));
      for (int turn = 0; turn < 4; ++turn) scheduler_.turn(reactor_.now());
      scope.cancel();
      for (int turn = 0; turn < 4; ++turn) scheduler_.turn(reactor_.now());
    }
    if (!batch) return;
    const bool kept = how % 4 != 3;
    read(*batch, kept);
    if (kept) batch->commit();
  }

  void check_end() {
    FUZZ_CHECK(channel_->used() <= channel_->capacity());
    FUZZ_CHECK(expected_.size() <= put_);
  }

 private:
  Sent event_from(fuzz::Input& input) {
    Sent sent;
    sent.number = next_++;
    const std::uint8_t shape = input.byte();
    sent.headers = input.take(shape % 16u);
    sent.body = input.take(input.byte());
    if (shape >= 192) sent.body.append((shape - 191u) * 500u, 'x');
    return sent;
  }

  // The events of a batch against what is expected next. A gap in front of an event, or at the end,
  // accounts for those that are missing.
  void read(const Batch& batch, bool kept) {
    std::size_t at = 0;
    RecordReader reader(batch);
    while (reader.next()) {
      const Record& record = reader.record();
      if (record.kind() != RecordKind::event) continue;
      FUZZ_CHECK(record.size() ==
                 record_bytes(record.headers().encoded().size(), record.body().size()));
      const auto number = static_cast<std::uint64_t>(record.time().ns);
      while (at < expected_.size() && expected_[at].number != number) ++at;
      FUZZ_CHECK(at < expected_.size());
      check_record(record, expected_[at]);
      ++at;
    }
    if (kept)
      expected_.erase(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void check_record(const Record& record, const Sent& sent) {
    FUZZ_CHECK(as_text(record.body()) == sent.body);
    FUZZ_CHECK(as_text(record.headers().encoded()) == sent.headers);
    FUZZ_CHECK(record.severity() == static_cast<Severity>(sent.number % 9));
    std::size_t bytes = 0;
    record.headers().each([&](std::string_view key, std::string_view value) {
      bytes += Headers::entry_overhead + key.size() + value.size();
      FUZZ_CHECK(record.headers().find(key).has_value());
    });
    FUZZ_CHECK(bytes <= sent.headers.size());
  }

  async::FrameArena arena_{MutableBytes(frame_memory->bytes, sizeof(frame_memory))};
  test::ManualReactor reactor_;
  async::Scheduler scheduler_{reactor_};
  std::optional<Channel> channel_;
  Subscription* subscription_ = nullptr;
  std::deque<Sent> expected_;
  std::uint64_t next_ = 0;
  std::uint64_t put_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Ring ring(static_cast<WhenFull>(input.byte() % 3));
  for (int step = 0; step < 200 && !input.empty(); ++step) {
    if (input.byte() % 3 != 0)
      ring.put(input);
    else
      ring.take(input);
  }
  ring.check_end();
  return 0;
}
