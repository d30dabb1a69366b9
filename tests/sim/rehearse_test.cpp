// Goal: what `runnel rehearse` predicts is what happens. Method: outages scaled down to journals of
// 1 MiB, in the simulator: the real channel with the real sink runner above it, whose sink is away,
// and then has a link of so many bytes a second. How well the events compress is measured on one
// block of them and given to the forecast; everything else comes from the settings. Each figure of
// the forecast is held against the channel's counters and against the bytes of the file.
#include <cmath>

#include "agent/rehearse/forecast.hpp"
#include "tests/sim/rehearse_world.hpp"
#include "tests/support/pace.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using namespace runnel::sim;
namespace rehearse = runnel::agent::rehearse;
using agent::RehearseRequest;

namespace {

struct Case {
  OptionTexts options;
  Rate rate;
  std::size_t body_bytes = 330;

  std::string name() const {
    std::string text;
    for (const auto& [option, value] : options) text += concat(option, "=", value, " ");
    return text + concat(body_bytes, " B ");
  }
};

journal::Settings settings_of(const OptionTexts& options) {
  return *channels::journal_settings(*plan_journal(options).value().store);
}

bool is_near(double found, double predicted, double share, double besides = 0) {
  return std::abs(found - predicted) <= std::max(found, predicted) * share + besides;
}

// The largest errors of all cases, for whoever reads the log.
struct Errors {
  double fill = 0, dropped = 0, written = 0;
  static void note(double& worst, double found, double predicted) {
    const double larger = std::max({found, predicted, 1.0});
    worst = std::max(worst, std::abs(found - predicted) / larger * 100);
  }
};

RehearseRequest load_of(const Case& each, Duration outage, std::uint32_t ratio) {
  RehearseRequest load;
  load.outage = outage;
  load.rate = each.rate;
  load.event_bytes = each.body_bytes;
  load.link_bits_per_second = 8;
  load.ratio_percent = ratio;
  return load;
}

// With blocks as they were measured, or as the command takes for granted.
rehearse::JournalFacts facts_of(const Case& each, const MeasuredBlock& measured) {
  return {.settings = settings_of(each.options),
          .takes = {Rehearsed::delivery().take},
          .segment_used_percent = 0,
          .header_bytes_compressed = measured.header_bytes_compressed};
}

// Of a block of as many events as the forecast says, which does not depend on how they compress.
MeasuredBlock measured_block(const Case& each) {
  const auto any = rehearse::forecast(facts_of(each, {}), load_of(each, 1h, 400));
  return measure_block(any.disk->block_events, each.body_bytes, each.rate);
}

void rehearse_and_live(const Case& each, double share_of_full, Errors& errors) {
  const MeasuredBlock measured = measured_block(each);
  const std::uint32_t ratio = measured.ratio_percent;
  const rehearse::JournalFacts facts = facts_of(each, measured);
  // When it would be full; the outage is a share of that.
  const auto endless = rehearse::forecast(facts, load_of(each, 24h, ratio));
  REQUIRE(endless.full_after.has_value());
  const auto outage = Duration(
      static_cast<std::int64_t>(static_cast<double>(endless.full_after->count()) * share_of_full));
  RehearseRequest load = load_of(each, outage, ratio);
  const auto predicted = rehearse::forecast(facts, load);

  Rehearsed real(each.options, each.rate, each.body_bytes);
  real.come(outage);
  const FoundOnDisk found = real.on_disk();
  const auto segment = static_cast<double>(predicted.dropped_at_a_time);
  CAPTURE(each.name());
  CAPTURE(share_of_full);
  CAPTURE(ratio);
  CHECK(real.came == predicted.events);
  CHECK(predicted.kept_events + predicted.dropped_events + predicted.held_back_events ==
        predicted.events);
  CHECK(is_near(static_cast<double>(found.bytes), static_cast<double>(predicted.filled_bytes), 0.1,
                2 * 4096));
  CHECK(is_near(static_cast<double>(real.dropped()), static_cast<double>(predicted.dropped_events),
                0.1, predicted.dropped_events > 0 ? segment : 0));
  CHECK(is_near(static_cast<double>(real.held_back),
                static_cast<double>(predicted.held_back_events), 0.1,
                predicted.held_back_events > 0 ? segment / 2 : 0));
  CHECK(is_near(static_cast<double>(real.written_bytes()),
                static_cast<double>(predicted.disk->outage.bytes), 0.15, 2 * 4096));
  CHECK(is_near(static_cast<double>(real.syncs()),
                static_cast<double>(predicted.disk->outage.syncs), 0.15, 4));
  // With a margin on either side, it says whether it runs full.
  CHECK(predicted.full_after.has_value() == (share_of_full > 1));
  CHECK((real.dropped() + real.held_back > 0) == (share_of_full > 1));
  if (found.bytes > 100'000)
    Errors::note(errors.fill, static_cast<double>(found.bytes),
                 static_cast<double>(predicted.filled_bytes));
  Errors::note(errors.dropped, static_cast<double>(real.dropped() + real.held_back),
               static_cast<double>(predicted.dropped_events + predicted.held_back_events));
  Errors::note(errors.written, static_cast<double>(real.written_bytes()),
               static_cast<double>(predicted.disk->outage.bytes));
}

constexpr const char* policies[] = {"drop_oldest", "drop_newest", "block"};
constexpr Rate fast{2000, 1s};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* policy : policies) {
    cases.push_back({{{"when_full", policy}, {"block_age", "1s"}}, fast});
    cases.push_back({{{"when_full", policy}, {"block_bytes", "32KiB"}, {"block_age", "1s"}}, fast});
    cases.push_back({{{"when_full", policy}, {"block_bytes", "64KiB"}, {"block_age", "1s"}}, fast});
    cases.push_back({{{"when_full", policy}, {"sync", "100ms"}}, fast});
    cases.push_back({{{"when_full", policy}, {"sync", "10s"}}, fast});
    cases.push_back({{{"when_full", policy}, {"mode", "overflow"}}, fast});
  }
  cases.push_back({{{"when_full", "drop_oldest"}, {"sync", "never"}, {"block_age", "1s"}}, fast});
  // Blocks of a few events that are sealed because they have waited.
  cases.push_back({{{"when_full", "drop_oldest"}}, {130, 1s}});
  cases.push_back({{{"when_full", "drop_newest"}, {"sync", "500ms"}}, {7, 1s}});
  return cases;
}

}  // namespace

TEST_CASE("rehearse: outages that fill a part, nearly all, and more than a journal") {
  Errors errors;
  const bool some = test::is_slow_here();
  const std::vector<std::size_t> sizes =
      some ? std::vector<std::size_t>{330} : std::vector<std::size_t>{150, 330, 700};
  const std::vector<double> shares = some ? std::vector{1.3} : std::vector{0.4, 0.85, 1.3, 2.6};
  for (const Case& each : all_cases())
    for (const std::size_t body_bytes : sizes)
      for (const double share : shares)
        rehearse_and_live({each.options, each.rate, body_bytes}, share, errors);
  MESSAGE("largest errors in percent: fill ", errors.fill, ", dropped or held back ",
          errors.dropped, ", written ", errors.written);
}

// As the command rehearses: it knows the ratio of the text, and nothing of how well a record's
// header compresses or where in a segment the outage begins, after the sinks have kept up for a
// while.
TEST_CASE("rehearse: a journal that has been in use, with what the command takes for granted") {
  const Case each{{{"when_full", "drop_oldest"}, {"block_age", "1s"}}, fast};
  const RehearseRequest load = load_of(each, 10s, measured_block(each).ratio_percent);
  const rehearse::JournalFacts facts{settings_of(each.options), {Rehearsed::delivery().take}};
  const auto predicted = rehearse::forecast(facts, load);
  const auto segment = static_cast<double>(predicted.dropped_at_a_time);
  CHECK(predicted.dropped_events > 5 * segment);
  for (const Duration before : {500ms, 800ms, 1100ms, 1400ms, 9700ms}) {
    Rehearsed real(each.options, each.rate, each.body_bytes);
    real.connect(100'000'000);
    real.come(before);
    real.connect(0);
    real.come(load.outage);
    CAPTURE(before.count());
    CHECK(is_near(static_cast<double>(real.dropped()),
                  static_cast<double>(predicted.dropped_events), 0.1, segment));
  }
}

TEST_CASE("rehearse: how long the link takes, while events keep coming") {
  for (const double share : {0.6, 2.6})
    for (const double times : {1.5, 4.0}) {
      const Case each{{{"when_full", "drop_oldest"}, {"block_bytes", "32KiB"}}, {400, 1s}};
      const MeasuredBlock measured = measured_block(each);
      const std::uint32_t ratio = measured.ratio_percent;
      const auto endless = rehearse::forecast(facts_of(each, measured), load_of(each, 24h, ratio));
      const auto outage = Duration(
          static_cast<std::int64_t>(static_cast<double>(endless.full_after->count()) * share));
      RehearseRequest load = load_of(each, outage, ratio);
      const double wire = rehearse::wire_bytes(Encoding::text, true, 4, load);
      const auto link = static_cast<std::uint64_t>(wire * 400 * times);
      load.link_bits_per_second = link * 8;
      const auto channel = rehearse::forecast(facts_of(each, measured), load);
      const auto sink = rehearse::forecast_drain(channel, wire, load);
      REQUIRE(sink.drained_after.has_value());

      Rehearsed real(each.options, each.rate, each.body_bytes);
      real.come(outage);
      // Two blocks of them are always under way.
      const Duration found = real.drain(link, 2 * channel.disk->block_events);
      const double predicted = static_cast<double>(sink.drained_after->count()) / 1e9;
      CAPTURE(share);
      CAPTURE(times);
      CHECK(is_near(static_cast<double>(found.count()) / 1e9, predicted, 0.15));
      MESSAGE("drained after ", static_cast<double>(found.count()) / 1e9, " s for ", predicted);

      load.link_bits_per_second = static_cast<std::uint64_t>(wire * 400 * 0.9 * 8);
      CHECK_FALSE(rehearse::forecast_drain(channel, wire, load).drained_after.has_value());
    }
}

TEST_CASE("rehearse: what a day without outage writes") {
  for (const Case& each : std::vector<Case>{
           {{{"block_age", "100ms"}}, {250, 1s}},
           {{{"sync", "200ms"}}, {300, 1s}},
           {{{"sync", "never"}, {"cursor_interval", "200ms"}}, {30, 1s}},
           {{{"mode", "overflow"}}, {300, 1s}},
       }) {
    constexpr Duration time = 20s;
    const MeasuredBlock measured = measured_block(each);
    const std::uint32_t ratio = measured.ratio_percent;
    const auto predicted = rehearse::forecast(facts_of(each, measured), load_of(each, time, ratio));
    const double days = static_cast<double>(time.count()) / 1e9 / 86'400;
    Rehearsed real(each.options, each.rate, each.body_bytes);
    real.connect(100'000'000);
    real.come(time);
    CAPTURE(std::string(each.options.front().second));
    CHECK(real.dropped() + real.held_back == 0);
    CHECK(is_near(static_cast<double>(real.written_bytes()),
                  static_cast<double>(predicted.disk->quiet_day.bytes) * days, 0.15, 2 * 4096));
    CHECK(is_near(static_cast<double>(real.syncs()),
                  static_cast<double>(predicted.disk->quiet_day.syncs) * days, 0.15, 2));
    MESSAGE("quiet: written ", real.written_bytes(), " for ",
            static_cast<double>(predicted.disk->quiet_day.bytes) * days, ", syncs ", real.syncs(),
            " for ", static_cast<double>(predicted.disk->quiet_day.syncs) * days);
  }
}

TEST_CASE("rehearse: rings in memory") {
  for (const WhenFull policy : {WhenFull::block, WhenFull::drop_newest, WhenFull::drop_oldest})
    for (const Duration outage : {1500ms, 1800ms, 5000ms}) {
      const Case each{{}, {100, 1s}};
      const RehearseRequest load = load_of(each, outage, 500);
      const auto predicted = rehearse::forecast(rehearse::MemoryFacts{64 * 1024, policy}, load);
      SimWorld world(1);
      ChannelSettings settings;
      settings.capacity_bytes = 64 * 1024;
      settings.when_full = policy;
      PipelineProcess process(world.machine(), settings);
      std::uint64_t held_back = 0;
      for (std::uint64_t number = 0; number < predicted.events; ++number)
        held_back += process.try_put(log_line(number, each.body_bytes)) ? 0u : 1u;
      CAPTURE(outage.count());
      CHECK(predicted.full_after.has_value() == (outage > 2s));
      CHECK(predicted.held_back_events == held_back);
      CHECK(is_near(static_cast<double>(process.channel->counters().dropped_events),
                    static_cast<double>(predicted.dropped_events), 0, 1));
      CHECK(is_near(static_cast<double>(process.channel->used()),
                    static_cast<double>(predicted.filled_bytes), 0.01));
      process.channel->close();
      process.stop();
    }
}
