// Goal: what the journal has custody of is delivered, whatever happens to the process, the machine
// and the disk; what it drops or the disk loses is counted exactly; nothing is written that need
// not be. Method: a process with a journal on a simulated disk; it is killed or loses power, and
// another one opens what is there. The matrix cuts the power at every write and sync of a run.
#include <algorithm>
#include <set>

#include "channels/journal/format.hpp"
#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Process = std::unique_ptr<JournalProcess>;

std::string why_not(SimMachine& machine, const OptionTexts& texts = {}) {
  JournalProcess process(machine, texts);
  const auto started = process.open();
  std::string text = started ? "" : started.error().text;
  process.stop();
  return text;
}

bool all_in_custody(JournalProcess& process) {
  return process.run_until([&] { return process.channel->custody() == process.channel->head(); },
                           10s);
}

}  // namespace

TEST_CASE("journal: what was put is there after a kill and after a power cut, in order and once") {
  for (const bool power_loss : {false, true}) {
    CAPTURE(power_loss);
    SimWorld world(1);
    Process process = opened(world.machine());
    process->put_numbers(0, 1000);
    REQUIRE(all_in_custody(*process));
    JournalProcess::kill(std::move(process), power_loss);
    process = opened(world.machine());
    process->record();
    CHECK(process->run_until([&] { return process->seen.size() >= 1000; }, 10s));
    process->run_for(1s);
    CHECK(process->numbers() == numbers_from(0, 1000));
    CHECK(process->gap_events == 0);
    process->shut();
  }
}

TEST_CASE("journal: a stop keeps what nobody has taken, and what was taken does not come again") {
  SimWorld world(1);
  for (int round = 0; round < 3; ++round) {
    Process process = opened(world.machine());
    if (round == 1) process->record();
    if (round < 2) process->put_numbers(round * 500, round * 500 + 500);
    if (round == 1) CHECK(process->run_until([&] { return process->seen.size() == 1000; }, 10s));
    if (round == 1) CHECK(process->numbers() == numbers_from(0, 1000));
    if (round == 2) {
      process->record();
      process->run_for(2s);
      CHECK(process->seen.empty());
    }
    process->shut();
  }
}

TEST_CASE("journal: a reader that has fallen behind the ring reads the disk, then the ring") {
  SimWorld world(1);
  Process process = opened(world.machine(), {{"size", "4MiB"}});
  // Ten times what the ring holds.
  int next = 0;
  for (; next < 20'000; ++next) {
    while (!process->try_put(JournalProcess::body_of(next, 100))) process->run_for(1ms);
  }
  process->record();
  for (; next < 25'000; ++next) {
    while (!process->try_put(JournalProcess::body_of(next, 100))) process->run_for(1ms);
    if (next % 50 == 0) process->run_for(1ms);
  }
  CHECK(process->run_until([&] { return process->seen.size() >= 25'000; }, 60s));
  CHECK(process->numbers() == numbers_from(0, 25'000));
  CHECK(process->counters().loaded_events > 10'000);
  CHECK(process->counters().loaded_events < 25'000);
  process->shut();
}

namespace {

// A run that is cut by the power after `cut` operations of the disk, and what the next one finds.
// False: the run had fewer.
bool survives_cut(const char* sync, std::size_t cut, std::size_t& promised_nothing) {
  constexpr int events = 600;
  SimWorld world(7 + cut % 5, SimOptions::rough());
  Process process = opened(world.machine(), {{"sync", sync}});
  const std::uint64_t before = process->reactor.operations_completed();
  process->record(false);
  int put = 0;
  std::vector<pipeline::Position> behind;
  const auto ended = [&] {
    return put == events && process->channel->custody() == process->channel->head();
  };
  while (!ended() && process->reactor.operations_completed() - before < cut) {
    for (int each = 0; each < 7 && put < events; ++each, ++put) {
      process->put(JournalProcess::body_of(put, 150));
      behind.push_back(process->channel->head());
    }
    process->run_for(1ms);
    // A sink that is slow to acknowledge.
    if (put % 70 == 0) process->acknowledge_all();
  }
  const bool goes_on = !ended();
  const auto events_before = [&](pipeline::Position position) {
    return std::upper_bound(behind.begin(), behind.end(), position) - behind.begin();
  };
  const auto safe = static_cast<int>(events_before(process->channel->custody()));
  const auto taken = static_cast<int>(events_before(process->subscription->watermark()));
  promised_nothing += safe < put ? 1 : 0;
  JournalProcess::kill(std::move(process), true);

  process = opened(world.machine());
  process->record();
  process->run_for(2s);
  const std::vector<int> found = process->numbers();
  CHECK(std::is_sorted(found.begin(), found.end()));
  CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
  const std::set<int> all(found.begin(), found.end());
  for (int number = taken; number < safe; ++number) CHECK(all.count(number) == 1);
  CHECK(process->gap_events == 0);
  CHECK(process->counters().damaged_events == 0);
  process->shut();
  return goes_on;
}

}  // namespace

TEST_CASE("journal: power cut at every write and sync") {
  for (const char* sync : {"batch", "30ms"}) {
    std::size_t cut = 0, promised_nothing = 0;
    while (survives_cut(sync, cut, promised_nothing)) ++cut;
    CAPTURE(std::string(sync));
    CHECK(cut > 10);
    CHECK(promised_nothing > 5);
  }
}

TEST_CASE("journal: full, it blocks, or drops the oldest, or the newest, and says how many") {
  for (const char* policy : {"block", "drop_oldest", "drop_newest"}) {
    CAPTURE(std::string(policy));
    SimWorld world(1);
    Process process = opened(world.machine(), {{"when_full", policy}});
    int put = 0, refused = 0;
    for (; put < 30'000 && refused < 2000;) {
      if (process->try_put(JournalProcess::body_of(put, 100))) {
        ++put;
      } else {
        ++refused;
        process->run_for(1ms);
      }
    }
    const bool blocks = policy == std::string_view("block");
    CHECK((put < 30'000) == blocks);
    process->record();
    process->run_until(
        [&] { return process->seen.size() + process->gap_events >= static_cast<std::size_t>(put); },
        30s);
    const std::vector<int> found = process->numbers();
    CHECK(std::is_sorted(found.begin(), found.end()));
    // What was dropped last is said in front of what is put next.
    process->put_numbers(put, put + 10);
    put += 10;
    CHECK(process->run_until(
        [&] { return process->seen.size() + process->gap_events == static_cast<std::size_t>(put); },
        10s));
    CHECK((process->gap_events > 0) == !blocks);
    CHECK(process->counters().dropped_events == process->gap_events);
    CHECK(process->counters().damaged_events == 0);
    if (policy == std::string_view("drop_oldest")) CHECK(found.back() == put - 11);
    if (policy == std::string_view("drop_newest")) CHECK(found.front() == 0);
    process->shut();
  }
}

TEST_CASE("journal: a damaged block is skipped, its events are counted, the rest comes") {
  SimWorld world(1);
  {
    Process process = opened(world.machine());
    process->put_numbers(0, 2000);
    REQUIRE(all_in_custody(*process));
    process->shut();
  }
  std::string bytes(world.machine().files().text(journal_path).value());
  std::vector<std::size_t> blocks;
  for (std::size_t at = 0; at + 4096 <= bytes.size(); at += 4096)
    if (bytes.compare(at, 4, "RJB1") == 0) blocks.push_back(at);
  REQUIRE(blocks.size() > 10);
  std::uint64_t lost = 0;
  for (const std::size_t which : {std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
    const auto header =
        channels::journal::decode_block_header(as_bytes(bytes).subspan(blocks[which], 4096));
    REQUIRE(header.has_value());
    lost += header->events;
    bytes[blocks[which] + 300] = static_cast<char>(bytes[blocks[which] + 300] ^ 1);
  }
  REQUIRE(world.machine().files().put(journal_path, bytes).ok());
  Process process = opened(world.machine());
  process->record();
  process->run_for(5s);
  CHECK(process->gap_events == lost);
  CHECK(process->counters().damaged_events == lost);
  CHECK(process->seen.size() == 2000 - lost);
  const std::vector<int> found = process->numbers();
  CHECK(std::is_sorted(found.begin(), found.end()));
  CHECK(found.front() == 0);
  CHECK(found.back() == 1999);
  process->shut();
}

TEST_CASE("journal: a file that is none, or of a later version, or in use is left alone") {
  SimWorld world(1);
  SimFiles& files = world.machine().files();
  REQUIRE(files.make_folders("/spool").ok());
  const std::string letter(8192, 'x');
  REQUIRE(files.put(journal_path, letter).ok());
  CHECK(why_not(world.machine()).find("is not a journal") != std::string::npos);
  CHECK(files.text(journal_path).value() == letter);
  REQUIRE(files.unlink(journal_path).ok());
  {
    Process process = opened(world.machine());
    CHECK(why_not(world.machine()).find("is in use by process") != std::string::npos);
    process->shut();
  }
  std::string bytes(files.text(journal_path).value());
  for (const std::size_t page : {std::size_t{0}, std::size_t{3 * 4096}}) bytes[page + 8] = 9;
  REQUIRE(files.put(journal_path, bytes).ok());
  CHECK(why_not(world.machine()).find("of a later version") != std::string::npos);
  CHECK(files.text(journal_path).value() == bytes);
}

TEST_CASE("journal: a sync that fails loses nothing, and a full disk at the start is told") {
  SimWorld world(1);
  Process process = opened(world.machine());
  for (int round = 0; round < 5; ++round) {
    process->reactor.fail_next(io::Verb::sync, Error::io);
    process->put_numbers(round * 100, round * 100 + 100);
    const pipeline::Position before = process->channel->custody();
    process->run_for(50ms);
    CHECK(process->channel->custody() == before);
    CHECK(all_in_custody(*process));
  }
  process->reactor.fail_next(io::Verb::write, Error::no_space);
  process->put_numbers(500, 600);
  CHECK(all_in_custody(*process));
  CHECK(process->counters().errors == 6);
  JournalProcess::kill(std::move(process), true);
  process = opened(world.machine());
  process->record();
  process->run_for(2s);
  CHECK(process->seen.size() == 600);
  CHECK(process->numbers() == numbers_from(0, 600));
  process->shut();
}

TEST_CASE("journal: overflow writes nothing as long as the sink keeps up, and all that is left") {
  SimWorld world(1);
  Process process = opened(world.machine(), {{"mode", "overflow"}, {"cursor_interval", "1h"}});
  process->record();
  const std::uint64_t before = process->counters().written_bytes;
  for (int number = 0; number < 20'000; ++number) {
    process->put(JournalProcess::body_of(number, 100));
    if (number % 20 == 0) process->run_for(2ms);
  }
  CHECK(process->run_until([&] { return process->seen.size() == 20'000; }));
  CHECK(process->counters().written_bytes == before);
  CHECK(process->counters().stored_events == 0);
  process->shut();
  process.reset();
  // A sink that does not: memory first, then the disk; and at a stop the rest.
  process = opened(world.machine(), {{"mode", "overflow"}});
  process->put_numbers(20'000, 20'500);
  process->run_for(2s);
  CHECK(process->counters().stored_events == 0);
  for (int number = 20'500; number < 24'000; ++number)
    while (!process->try_put(JournalProcess::body_of(number, 100))) process->run_for(1ms);
  CHECK(process->counters().stored_events > 0);
  CHECK(process->counters().stored_events < 3000);
  process->shut();
  process.reset();
  process = opened(world.machine());
  process->record();
  process->run_for(2s);
  CHECK(process->numbers() == numbers_from(20'000, 24'000));
  process->shut();
}

TEST_CASE("journal: one event a second for a day costs little flash") {
  for (const bool uplink : {false, true}) {
    CAPTURE(uplink);
    SimWorld world(1);
    Process process =
        opened(world.machine(), {{"sync", "30s"}, {"size", "16MiB"}, {"block_bytes", "64KiB"}});
    if (uplink) process->record();
    for (int second = 0; second < 86'400; ++second) {
      process->put(JournalProcess::body_of(second, 120));
      process->run_for(1s);
    }
    CHECK(process->counters().written_bytes < 25'000'000);
    MESSAGE("a day of one event a second, ", std::string(uplink ? "delivered at once" : "kept"),
            ": ", process->counters().written_bytes, " B, ", process->counters().syncs, " syncs");
    process->shut();
  }
}
