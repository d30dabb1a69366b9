// Goal: what a destination refuses for good is kept, event by event and durably, before the batch
// is acknowledged; a disk that does not take it stops nothing; the files stay within their bound.
// Method: the http sink under its real runner against a simulated server that refuses what the test
// says; the files are then read with the reader that tools use.
#include "pipeline/dead_letter.hpp"

#include <doctest/doctest.h>

#include "sinks/http/http.hpp"
#include "tests/sim/http_server.hpp"
#include "tests/sim/journal_world.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:8080";
const std::string current = "/dead/test.dead", previous = "/dead/test.dead.1";

SinkUnderTest refused_sink(Given given) {
  given.insert(given.begin(), {{"url", "http://127.0.0.1:8080/in"},
                               {"batch.linger", "1ms"},
                               {"retry.first", "10ms"},
                               {"dead_letter.dir", "/dead"}});
  return SinkUnderTest(sinks::http_type, given);
}

struct Letter {
  std::string body, reason, batch, source, sink, host;
  WallTime time, refused;
};
std::vector<Letter> letters_in(SimMachine& machine, const std::string& path) {
  std::vector<Letter> letters;
  const auto file = machine.files().text(path);
  if (!file) return letters;
  DeadLetterReader reader(file->size());
  for (auto step = reader.next(); step != DeadLetterReader::Step::end; step = reader.next()) {
    if (step == DeadLetterReader::Step::letter) {
      const DeadLetter& letter = reader.letter();
      letters.push_back(
          {std::string(as_text(letter.body)), std::string(letter.reason), std::string(letter.batch),
           std::string(letter.source), std::string(letter.sink),
           std::string(letter.headers.find("host").value_or("")), letter.time, letter.refused});
      continue;
    }
    const auto rest = as_bytes(*file).subspan(static_cast<std::size_t>(reader.read_at()));
    const std::size_t count = std::min(rest.size(), reader.room().size());
    std::copy_n(rest.begin(), count, reader.room().begin());
    reader.filled(count);
  }
  return letters;
}
std::set<std::uint64_t> numbers_of(const std::vector<Letter>& letters) {
  std::string text;
  for (const Letter& letter : letters) text += letter.body + '\n';
  const auto all = numbers_in(text);
  return {all.begin(), all.end()};
}

template <class Process = PipelineProcess>
struct Sending {
  template <class... Args>
  explicit Sending(SimMachine& machine, Given given, const Args&... args)
      : process(std::make_unique<Process>(machine, args...)),
        receiver(*process, server),
        sink(refused_sink(std::move(given))) {
    receiver.start();
    if constexpr (std::is_same_v<Process, JournalProcess>) REQUIRE(process->open().has_value());
    sink.run(*process);
  }
  SinkCounters& counters() { return process->sink_counters; }
  void end() {
    if constexpr (std::is_same_v<Process, JournalProcess>)
      process->stop();  // its store runs until then
    else
      finish(*process);
    receiver.stop();
  }
  std::unique_ptr<Process> process;
  HttpServer receiver;
  SinkUnderTest sink;
};

// Refuses every batch with a number that three divides.
std::string some(const HttpServer::Request& request) {
  for (const std::uint64_t number : numbers_in(request.body))
    if (number % 3 == 0) return http_status(400, {}, "thrice\nmore");
  return http_good;
}

async::Task<Status> move(const std::string& from, const char* to) {
  const Status moved = co_await async::rename(from.c_str(), to);
  co_return moved;
}

}  // namespace

TEST_CASE("dead letters: what is refused is kept with all that is known of it") {
  Disk disk;
  Sending sending(disk.machine, {});
  sending.receiver.respond = some;
  std::byte buffer[64];
  HeaderWriter headers{MutableBytes(buffer)};
  headers.add("host", "gw");
  sending.process->put(body(3), headers.headers());
  REQUIRE(drain(*sending.process));
  put(*sending.process, 4, 6);
  REQUIRE(drain(*sending.process));
  CHECK(numbers_in(sending.receiver.accepted) == std::vector<std::uint64_t>{4, 5});
  const auto letters = letters_in(disk.machine, current);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].body == body(3));
  CHECK(letters[0].reason == "127.0.0.1:8080 answers 400 x: thrice");
  CHECK(letters[0].batch.starts_with("a100000000"));
  CHECK(letters[0].batch.ends_with(":main:1:0"));
  CHECK(letters[0].source == "test");
  CHECK(letters[0].sink == "test");
  CHECK(letters[0].host == "gw");
  CHECK(letters[0].time >= late_evening);
  CHECK(letters[0].refused >= letters[0].time);
  CHECK(sending.counters().refused_events == 1);
  CHECK(sending.counters().dead_letter_events == 1);
  CHECK(sending.counters().dead_letter_lost_events == 0);
  CHECK(sending.counters().sent_events == 2);
  CHECK(sending.counters().written_bytes == disk.machine.files().text(current)->size());
  sending.end();
}

TEST_CASE("dead letters: of a batch in pieces only the refused ones are kept") {
  bool array = false;
  SUBCASE("lines") {}
  SUBCASE("array") { array = true; }
  Disk disk;
  Given given;
  if (array) given = {{"encoding", "json"}, {"body", "array"}};
  Sending sending(disk.machine, given);
  sending.receiver.respond = [&](const HttpServer::Request& request) {
    return request.body.size() > 700 ? http_status(413, {}, "limit is 700\n") : http_good;
  };
  for (std::uint64_t number = 0; number < 30; ++number)
    sending.process->put(body(number, number % 10 == 7 ? 900 : 50));
  REQUIRE(drain(*sending.process));
  CHECK(numbers_of(letters_in(disk.machine, current)) == std::set<std::uint64_t>{7, 17, 27});
  CHECK(sending.counters().sent_events == 27);
  CHECK(sending.counters().dead_letter_events == 3);
  sending.end();
}

TEST_CASE("dead letters: more than fits into one piece is kept in several") {
  Disk disk;
  Sending sending(disk.machine, {{"batch.max_bytes", "4KiB"}, {"batch.max_events", "50"}});
  sending.receiver.respond = [](const HttpServer::Request&) { return http_status(400); };
  put(*sending.process, 0, 500, 60);
  REQUIRE(drain(*sending.process));
  CHECK(letters_in(disk.machine, current).size() == 500);
  CHECK(numbers_of(letters_in(disk.machine, current)).size() == 500);
  CHECK(sending.counters().dead_letter_events == 500);
  CHECK(sending.counters().sent_events == 0);
  sending.end();
}

TEST_CASE("dead letters: the files stay within their bound, and the oldest go") {
  Disk disk;
  const Given small = {{"dead_letter.max_bytes", "256KiB"}, {"batch.max_events", "20"}};
  {
    Sending sending(disk.machine, small);
    sending.receiver.respond = [](const HttpServer::Request&) { return http_status(400); };
    put(*sending.process, 0, 3000);
    REQUIRE(drain(*sending.process));
    const auto old = numbers_of(letters_in(disk.machine, previous));
    const auto fresh = numbers_of(letters_in(disk.machine, current));
    CHECK(*fresh.rbegin() == 2999);
    CHECK(*old.rbegin() + 1 == *fresh.begin());
    CHECK(sending.counters().dead_letter_events == 3000);
    CHECK(sending.counters().dead_letter_dropped_events == *old.begin());
    CHECK(disk.machine.files().text(previous)->size() <= 128 * 1024);
    CHECK(disk.machine.files().text(current)->size() <= 128 * 1024);
    sending.end();
  }
  // The next life counts what it has found.
  const std::size_t old = letters_in(disk.machine, previous).size();
  Sending sending(disk.machine, small);
  sending.receiver.respond = [](const HttpServer::Request&) { return http_status(400); };
  put(*sending.process, 3000, 3600);
  REQUIRE(drain(*sending.process));
  CHECK(sending.counters().dead_letter_dropped_events >= old);
  sending.end();
}

TEST_CASE("dead letters: a disk that takes nothing loses them and stops nothing") {
  Disk disk;
  Sending sending(disk.machine, {});
  sending.receiver.respond = some;
  std::uint64_t number = 0;
  SUBCASE("full") {
    sending.process->reactor.fail_next(io::Verb::write, Error::no_space);
    sending.process->put(body(number));
  }
  SUBCASE("sync fails") {
    sending.process->reactor.fail_next(io::Verb::sync, Error::io);
    sending.process->put(body(number));
  }
  REQUIRE(drain(*sending.process));
  CHECK(sending.counters().dead_letter_lost_events == 1);
  CHECK(sending.counters().dead_letter_events == 0);
  CHECK(letters_in(disk.machine, current).empty());
  sending.process->put(body(6));
  REQUIRE(drain(*sending.process));
  sending.process->put(body(7));
  REQUIRE(drain(*sending.process));
  CHECK(numbers_of(letters_in(disk.machine, current)) == std::set<std::uint64_t>{6});
  CHECK(numbers_in(sending.receiver.accepted) == std::vector<std::uint64_t>{7});
  sending.end();
}

TEST_CASE("dead letters: a ring that drops its oldest may take them, and then they are counted") {
  Disk disk;
  ChannelSettings settings;
  settings.capacity_bytes = 64 * 1024;
  settings.when_full = WhenFull::drop_oldest;
  Sending sending(disk.machine, {{"batch.max_events", "20"}}, settings);
  sending.receiver.respond = [](const HttpServer::Request&) { return http_status(400); };
  sending.receiver.hang(true);
  put(*sending.process, 0, 20);
  REQUIRE_FALSE(drain(*sending.process, 1s));
  for (std::uint64_t number = 20; number < 2000; ++number) sending.process->put(body(number));
  sending.receiver.hang(false);
  REQUIRE(drain(*sending.process));
  const SinkCounters& counters = sending.counters();
  CHECK(counters.refused_events > 100);
  CHECK(counters.dead_letter_lost_events == 20);
  CHECK(counters.dead_letter_events + counters.dead_letter_lost_events == counters.refused_events);
  CHECK(letters_in(disk.machine, current).size() == counters.dead_letter_events);
  sending.end();
}

TEST_CASE("dead letters: what has left the ring meanwhile is read out of the journal") {
  Disk disk;
  Sending<JournalProcess> sending(disk.machine, {{"batch.max_events", "20"}},
                                  OptionTexts{{"mode", "always"}});
  sending.receiver.respond = [](const HttpServer::Request&) { return http_status(400); };
  sending.receiver.hang(true);
  // More than the ring holds: what is on its way to the peer is only on the disk in the end.
  put(*sending.process, 0, 4000);
  CHECK(sending.process->channel->counters().loaded_events == 0);
  sending.receiver.hang(false);
  const auto all_taken = [&] {
    return sending.process->subscription->watermark() == sending.process->channel->head();
  };
  REQUIRE(sending.process->run_until(all_taken, 5min));
  CHECK(sending.process->channel->counters().loaded_events > 0);
  CHECK(sending.counters().dead_letter_lost_events == 0);
  CHECK(sending.counters().dead_letter_events == sending.counters().refused_events);
  CHECK(numbers_of(letters_in(disk.machine, current)).size() == 4000);
  sending.end();
}

TEST_CASE(
    "dead letters: a power cut at any time loses no refused event, and tears at most a tail") {
  // Goal: the letter is durable before its batch is acknowledged. Method: a journal, the power cut
  // at many different times; what is neither delivered nor a letter must still be in the journal.
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Disk disk(seed);
    std::string accepted;
    {
      const Unaccounted left;
      auto sending = std::make_unique<Sending<JournalProcess>>(
          disk.machine, Given{{"batch.max_events", "5"}}, OptionTexts{{"mode", "always"}});
      sending->receiver.respond = some;
      put(*sending->process, 0, 100);
      sending->process->run_for(std::chrono::microseconds(seed * seed * 97));
      accepted = sending->receiver.accepted;
      JournalProcess::kill(std::move(sending->process), true);
      (void)sending.release();
    }
    Sending<JournalProcess> sending(disk.machine, {{"batch.max_events", "5"}},
                                    OptionTexts{{"mode", "always"}});
    sending.receiver.respond = some;
    sending.process->put(body(1000));
    const auto all_taken = [&] {
      return sending.process->subscription->watermark() == sending.process->channel->head();
    };
    REQUIRE(sending.process->run_until(all_taken));
    std::set<std::uint64_t> all = numbers_of(letters_in(disk.machine, current));
    for (const std::uint64_t number : all) CHECK(number < 1000);
    for (const std::uint64_t number : numbers_in(accepted + sending.receiver.accepted))
      all.insert(number);
    CHECK(all.count(1000) == 1);
    // What was never durable in the journal is nobody's; the rest has no holes.
    all.erase(1000);
    if (!all.empty()) CHECK(all.size() == *all.rbegin() + 1);
    sending.end();
  }
}

TEST_CASE("dead letters: a torn tail is cut off at the start, and a second agent is refused") {
  Disk disk;
  {
    Sending sending(disk.machine, {});
    sending.receiver.respond = some;
    sending.process->put(body(3));
    REQUIRE(drain(*sending.process));
    sending.end();
  }
  const std::string whole = *disk.machine.files().text(current);
  REQUIRE(disk.machine.files().put(current, whole + whole.substr(0, 100)).ok());
  Sending sending(disk.machine, {});
  CHECK(*disk.machine.files().text(current) == whole);
  sending.receiver.respond = some;
  sending.process->put(body(6));
  REQUIRE(drain(*sending.process));
  CHECK(numbers_of(letters_in(disk.machine, current)) == std::set<std::uint64_t>{3, 6});
  SinkUnderTest second = refused_sink({});
  const Started refused = second.start(*sending.process);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().exit_code == 69);
  CHECK(refused.error().text.find("is in use") != std::string::npos);
  sending.end();
}

TEST_CASE("dead letters: a file that somebody takes away is made anew") {
  Disk disk;
  Sending sending(disk.machine, {});
  sending.receiver.respond = some;
  sending.process->put(body(3));
  REQUIRE(drain(*sending.process));
  const Status gone = sending.process->complete(move(current, "/dead/taken"));
  REQUIRE(gone.ok());
  sending.process->put(body(6));
  REQUIRE(drain(*sending.process));
  CHECK(numbers_of(letters_in(disk.machine, "/dead/taken")) == std::set<std::uint64_t>{3});
  CHECK(numbers_of(letters_in(disk.machine, current)) == std::set<std::uint64_t>{6});
  CHECK(sending.counters().dead_letter_events == 2);
  sending.end();
}
