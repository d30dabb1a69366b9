// An outage to rehearse: a journal of 1 MiB below a channel, the sink runner above it with a sink
// that is away until its link is back, and events that come at a steady rate.
#pragma once

#include <functional>

#include "agent/rehearse/request.hpp"
#include "channels/journal/format.hpp"
#include "pipeline/sink_runner.hpp"
#include "tests/sim/journal_world.hpp"

namespace runnel::sim {

using namespace runnel::pipeline;
namespace journal = runnel::channels::journal;
using Rate = agent::RehearseRequest::Rate;

// As lines of logs are: much of it again and again, some of it never seen before.
inline std::string log_line(std::uint64_t number, std::size_t bytes) {
  std::string body = "level=info unit=gateway.service msg=\"reading taken\"";
  std::uint64_t noise = number * 0x9E3779B97F4A7C15ull + 1;
  for (int field = 0; body.size() < bytes; ++field) {
    noise = (noise ^ (noise >> 29)) * 0xBF58476D1CE4E5B9ull;
    body += concat(" sensor_", field, "=", 10'000'000 + noise % 90'000'000);
  }
  body.resize(bytes);
  return body;
}

inline std::vector<std::byte> memory_for(auto&& carve) {
  Region measured = Region::measuring();
  carve(measured);
  return std::vector<std::byte>(measured.used() + 2 * Region::base_alignment);
}
inline Region region_over(std::vector<std::byte>& memory) {
  void* at = memory.data();
  std::size_t space = memory.size();
  std::align(Region::base_alignment, space - Region::base_alignment, at, space);
  return Region::over({static_cast<std::byte*>(at), space});
}

// Of one piece.
inline std::size_t compressed_size(Bytes plain) {
  const codec::CompressorSettings settings{.input_bytes_max = plain.size()};
  auto memory =
      memory_for([&](Region& region) { (void)codec::Compressor::carve(region, settings); });
  Region region = region_over(memory);
  codec::Compressor compressor(settings, codec::Compressor::carve(region, settings));
  std::vector<std::byte> wire(codec::wire_bytes_max(settings));
  return compressor.compress(plain, wire).value();
}

// One block of so many events, compressed as text and as records.
struct MeasuredBlock {
  std::uint32_t ratio_percent = 0;
  double header_bytes_compressed = 0;
};
inline MeasuredBlock measure_block(std::uint64_t events, std::size_t body_bytes, const Rate& rate) {
  pipeline::Event event;
  std::string text;
  const std::size_t size = record_bytes(0, body_bytes);
  std::vector<std::byte> records(static_cast<std::size_t>(events) * size);
  for (std::uint64_t number = 0; number < events; ++number) {
    const std::string body = log_line(number, body_bytes);
    text += body + '\n';
    event.body = as_bytes(body);
    event.time.ns =
        static_cast<std::int64_t>(static_cast<double>(number) * 1e9 / rate.per_second());
    write_record(records.data() + number * size, event, size);
  }
  MeasuredBlock measured;
  measured.ratio_percent =
      static_cast<std::uint32_t>(text.size() * 100 / compressed_size(as_bytes(text)));
  const double of_event =
      static_cast<double>(compressed_size(records)) / static_cast<double>(events);
  measured.header_bytes_compressed =
      of_event - static_cast<double>(body_bytes) * 100 / measured.ratio_percent;
  return measured;
}

// Away, until its link is back; then as fast as that is.
class DistantSink final : public Sink {
 public:
  explicit DistantSink(PipelineProcess& process) : process_(process) {}
  async::Task<Started> start() override { co_return Started(); }
  async::Task<Delivery> deliver(const Frame& frame) override {
    const Delivery away{Delivery::Outcome::retry, Error::unreachable, 5ms};
    if (bytes_per_second == 0) co_return away;
    const auto ns = std::uint64_t{frame.wire.size()} * 1'000'000'000 / bytes_per_second;
    const Status slept = co_await async::sleep_until(
        after(process_.scheduler->now(), Duration(static_cast<std::int64_t>(ns))));
    if (!slept) co_return away;
    delivered += frame.events;
    Delivery done;
    co_return done;
  }
  async::Task<void> shut() override { co_return; }

  std::uint64_t bytes_per_second = 0;  // 0: away
  std::uint64_t delivered = 0;

 private:
  PipelineProcess& process_;
};

// What the file has of what nobody has been delivered.
struct FoundOnDisk {
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
};
inline FoundOnDisk look_at(std::string_view file, Position delivered) {
  FoundOnDisk found;
  const Bytes all = as_bytes(file);
  const auto superblock = journal::decode_superblock(all.first(journal::page_bytes));
  REQUIRE(superblock.has_value());
  for (std::uint32_t index = 0; index < superblock->segments; ++index) {
    std::uint64_t at = journal::data_begin + index * superblock->segment_bytes;
    const std::uint64_t end = at + superblock->segment_bytes;
    const auto segment = journal::decode_segment(
        all.subspan(static_cast<std::size_t>(at), journal::page_bytes), superblock->salt);
    if (!segment) continue;
    at += journal::page_bytes;
    std::uint64_t waits = 0;
    while (at < end) {
      const auto header = journal::decode_block_header(all.subspan(static_cast<std::size_t>(at)));
      if (!header || header->generation != segment->generation) break;
      const std::uint64_t size = journal::block_bytes_on_disk(header->payload_bytes);
      if (header->last_position > delivered) {
        waits += size;
        found.events += header->events;
      }
      at += size;
    }
    found.bytes += waits > 0 ? waits + journal::page_bytes : 0;
  }
  return found;
}

// An agent's middle: a channel, a sink runner, and events that come at a steady rate.
class Rehearsed {
 public:
  Rehearsed(const OptionTexts& options, const Rate& rate, std::size_t body_bytes)
      : process_(world_.machine(), options), sink_(process_), rate_(rate), body_bytes_(body_bytes) {
    REQUIRE(process_.open().has_value());
    written_before_ = process_.counters().written_bytes;
    syncs_before_ = process_.counters().syncs;
    memory_ = memory_for([&](Region& region) { DeliveryMemory::carve(region, delivery()); });
    Region region = region_over(memory_);
    runner_.emplace(*process_.sink_context, sink_, delivery(),
                    DeliveryMemory::carve(region, delivery()),
                    std::span<const std::string_view>(names_));
    process_.spawn(runner_->run());
  }
  ~Rehearsed() { process_.shut(); }

  static DeliverySettings delivery() {
    DeliverySettings settings;
    settings.encoding = Encoding::text;
    settings.codec = codec::Codec::zstd;
    settings.level = 1;
    settings.take.bytes_max = 64 * 1024;
    settings.take.linger = 10ms;
    settings.retry = {5ms, 5ms};
    return settings;
  }

  // Puts what comes in that time. What finds no room stays away: its source waits.
  void come(Duration time, const std::function<bool()>& enough = [] { return false; }) {
    const auto count =
        static_cast<std::uint64_t>(rate_.per_second() * static_cast<double>(time.count()) / 1e9);
    const Instant begin = process_.scheduler->now();
    for (std::uint64_t each = 0; each < count && !enough(); ++each) {
      const auto since =
          Duration(static_cast<std::int64_t>(static_cast<double>(each) * 1e9 / rate_.per_second()));
      process_.run_until([] { return false; }, after(begin, since) - process_.scheduler->now());
      held_back += process_.try_put(log_line(came, body_bytes_)) ? 0u : 1u;
      ++came;
    }
    if (enough()) return;
    process_.run_until([] { return false; }, after(begin, time) - process_.scheduler->now());
  }
  std::uint64_t dropped() const { return process_.counters().dropped_events; }
  std::uint64_t waiting() const { return came - held_back - dropped() - sink_.delivered; }
  std::uint64_t written_bytes() const {
    return process_.counters().written_bytes - written_before_;
  }
  std::uint64_t syncs() const { return process_.counters().syncs - syncs_before_; }
  FoundOnDisk on_disk() {
    return look_at(*world_.machine().files().text(journal_path),
                   process_.subscription->watermark());
  }
  // How long it takes.
  Duration drain(std::uint64_t bytes_per_second, std::uint64_t nothing) {
    const Instant begin = process_.scheduler->now();
    sink_.bytes_per_second = bytes_per_second;
    come(1h, [&] { return waiting() <= nothing; });
    return process_.scheduler->now() - begin;
  }
  void connect(std::uint64_t bytes_per_second) { sink_.bytes_per_second = bytes_per_second; }

  std::uint64_t came = 0;
  std::uint64_t held_back = 0;

 private:
  SimWorld world_{5};
  JournalProcess process_;
  DistantSink sink_;
  Rate rate_;
  std::size_t body_bytes_;
  std::vector<std::byte> memory_;
  std::string_view names_[1] = {"test"};
  std::optional<SinkRunner> runner_;
  std::uint64_t written_before_ = 0, syncs_before_ = 0;
};

}  // namespace runnel::sim
