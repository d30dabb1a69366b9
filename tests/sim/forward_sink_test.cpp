// Goal: the forward sink delivers everything to a Forward server that acknowledges late, wrongly,
// twice or not at all, hangs up, or dies and comes back; a batch has the same chunk and the same
// bytes at every attempt; and the two sides prove to each other that they know the shared key.
// Method: the sink under its real runner in the simulated world, with a server written from the
// specification; what has arrived is compared with what was put.
#include "sinks/forward/forward.hpp"
#include "tests/sim/forward_receiver.hpp"
#include "tests/sim/log_reader.hpp"

using namespace runnel;
using namespace runnel::sim;
using Answer = ForwardReceiver::Answer;

namespace {

constexpr std::string_view server = "127.0.0.1:24224";

SinkUnderTest forward_sink(Given given = {}) {
  given.insert(given.begin(), {{"address", "127.0.0.1"},
                               {"batch.linger", "1ms"},
                               {"retry.first", "10ms"},
                               {"reply_timeout", "2s"}});
  return SinkUnderTest(sinks::forward_type, given);
}

// A sink and its server, until the end of the test.
struct Conversation {
  explicit Conversation(Given given = {})
      : process(disk.machine), receiver(process, server), sink(forward_sink(std::move(given))) {
    process.sink_context->source_names = source_names;
  }
  void begin() {
    receiver.start();
    sink.run(process);
  }
  void end() {
    finish(process);
    receiver.stop();
  }
  // Of a sink that cannot deliver: what the runner says of it.
  bool complains(std::string_view text) {
    process.put("waits");
    return process.run_until([&] { return log.count(text) > 0; }, 20s);
  }

  LogReader log;
  Disk disk;
  PipelineProcess process;
  ForwardReceiver receiver;
  SinkUnderTest sink;
};

}  // namespace

TEST_CASE("forward sink: every event is an entry with its time, its headers and its source") {
  Conversation talk;
  talk.begin();
  std::byte buffer[64];
  HeaderWriter headers{MutableBytes(buffer)};
  headers.add("host", "gw");
  headers.add("message", "not the body");
  talk.process.put("hello", headers.headers());
  REQUIRE(drain(talk.process));
  REQUIRE(talk.receiver.messages.size() == 1);
  const ForwardMessage& message = talk.receiver.messages[0];
  CHECK(message.tag == "runnel.test");
  CHECK(message.compressed.empty());
  CHECK(message.chunk.size() == 24);
  REQUIRE(message.entries.size() == 1);
  const std::map<std::string, std::string> expected = {
      {"host", "gw"}, {"source", "test"}, {"message", "hello"}};
  CHECK(message.entries[0].record == expected);
  CHECK(message.entries[0].seconds == 1'795'391'940);  // late_evening
  CHECK(talk.process.sink_counters.sent_events == 1);
  talk.end();
}

TEST_CASE("forward sink: everything arrives, in order, over one connection, small and large") {
  Conversation talk;
  talk.begin();
  for (const std::size_t size : {std::size_t{50}, std::size_t{3'000}, std::size_t{30'000}}) {
    const std::size_t before = talk.receiver.messages.size();
    put(talk.process, 0, 200, size);
    REQUIRE(drain(talk.process));
    std::uint64_t next = 0;
    for (std::size_t index = before; index < talk.receiver.messages.size(); ++index)
      for (const ForwardEntry& entry : talk.receiver.messages[index].entries)
        CHECK(entry.record.at("message") == body(next++, size));
    CHECK(next == 200);
  }
  CHECK(talk.receiver.connections.size() == 1);
  CHECK(talk.process.sink_counters.wire_bytes == talk.receiver.received().size());
  talk.end();
}

TEST_CASE("forward sink: compressed batches say how") {
  for (const auto& [codec, magic] :
       {std::pair("gzip", "\x1f\x8b"), std::pair("zstd", "\x28\xb5\x2f\xfd")}) {
    Conversation talk(Given{{"compression.codec", codec}});
    talk.begin();
    put(talk.process, 0, 100);
    REQUIRE(drain(talk.process));
    for (const ForwardMessage& message : talk.receiver.messages) {
      CHECK(message.compressed == codec);
      CHECK(message.blob.starts_with(magic));
    }
    talk.end();
  }
}

TEST_CASE("forward sink: whatever is wrong with an answer, the batch comes again as it was") {
  for (const Answer answer :
       {Answer::nothing, Answer::other_chunk, Answer::hang_up, Answer::noise}) {
    CAPTURE(static_cast<int>(answer));
    Conversation talk;
    for (const std::size_t index : {0u, 1u, 4u}) talk.receiver.answers[index] = answer;
    talk.begin();
    for (std::uint64_t number = 0; number < 10; ++number) {
      put(talk.process, number, number + 1);
      REQUIRE(drain(talk.process));
    }
    REQUIRE(talk.receiver.messages.size() == 13);
    std::set<std::string> chunks;
    for (const ForwardMessage& message : talk.receiver.messages) chunks.insert(message.chunk);
    CHECK(chunks.size() == 10);  // and the receiver has compared what came again
    CHECK(talk.receiver.messages[0].chunk == talk.receiver.messages[2].chunk);
    CHECK(talk.receiver.numbers().size() == 10);
    CHECK(talk.receiver.connections.size() == 4);
    CHECK(talk.process.sink_counters.retries == 3);
    talk.end();
  }
}

TEST_CASE(
    "forward sink: an answer with something behind it ends the connection, not the delivery") {
  Conversation talk;
  talk.receiver.answers[0] = Answer::twice;
  talk.begin();
  put(talk.process, 0, 1);
  REQUIRE(drain(talk.process));
  put(talk.process, 1, 2);
  REQUIRE(drain(talk.process));
  CHECK(talk.receiver.count_events() <= 3);  // the second answer may come late
  CHECK(talk.receiver.numbers().size() == 2);
  CHECK(talk.receiver.connections.size() == 2);
  talk.end();
}

TEST_CASE("forward sink: a server that dies and comes back, again and again") {
  Conversation talk;
  talk.sink.run(talk.process);
  put(talk.process, 0, 100);
  CHECK_FALSE(drain(talk.process, 5s));
  CHECK(talk.sink.runner->last_error() == Error::refused);
  talk.receiver.start();
  REQUIRE(drain(talk.process));
  for (std::uint64_t round = 1; round < 20; ++round) {
    put(talk.process, round * 100, round * 100 + 50, 2'000);
    talk.process.run_for(Duration(round * 137'000));  // in the middle of something
    talk.receiver.stop();
    put(talk.process, round * 100 + 50, round * 100 + 100);
    talk.process.run_for(100ms);
    talk.receiver.start();
    REQUIRE(drain(talk.process, 2min));
  }
  CHECK(talk.receiver.numbers().size() == 2000);
  talk.end();
}

TEST_CASE("forward sink: a server that hangs is given up, and nothing is lost") {
  Conversation talk;
  talk.receiver.hang(true);
  talk.begin();
  put(talk.process, 0, 40, 10'000);
  CHECK_FALSE(drain(talk.process, 10s));
  CHECK(talk.sink.runner->last_error() == Error::timed_out);
  talk.receiver.hang(false);
  REQUIRE(drain(talk.process, 2min));
  CHECK(talk.receiver.numbers().size() == 40);
  talk.end();
}

TEST_CASE("forward sink: without acknowledgements there is no chunk") {
  Conversation talk(Given{{"require_ack", "false"}});
  talk.begin();
  put(talk.process, 0, 100);
  REQUIRE(drain(talk.process));
  talk.process.run_for(1s);
  CHECK(talk.receiver.numbers().size() == 100);
  for (const ForwardMessage& message : talk.receiver.messages) CHECK(message.chunk.empty());
  talk.end();
}

TEST_CASE("forward sink: tags come from events, one message each, in order within a tag") {
  Conversation talk(Given{{"tag", "edge.%{source}.%{host}"}});
  talk.begin();
  constexpr std::uint64_t hosts = 70;  // more than a batch may have
  for (std::uint64_t number = 0; number < 700; ++number) {
    std::byte buffer[64];
    HeaderWriter headers{MutableBytes(buffer)};
    if (number % hosts > 0) headers.add("host", "h." + std::to_string(number % hosts));
    talk.process.put(body(number), headers.headers());
  }
  REQUIRE(drain(talk.process));
  CHECK(talk.process.sink_counters.retries == 0);
  std::map<std::string, std::uint64_t> next;
  std::set<std::string> chunks;
  for (const ForwardMessage& message : talk.receiver.messages) {
    chunks.insert(message.chunk);
    for (const ForwardEntry& entry : message.entries) {
      const auto found = entry.record.find("host");
      const std::string host = found == entry.record.end() ? "" : found->second;
      CHECK(message.tag == "edge.test." + (host.empty() ? "unknown" : "h_" + host.substr(2)));
      const std::uint64_t first = host.empty() ? 0 : std::stoul(host.substr(2));
      CHECK(entry.record.at("message") == body(first + hosts * next[message.tag]++));
    }
  }
  CHECK(chunks.size() == talk.receiver.messages.size());
  CHECK(talk.receiver.count_events() == 700);
  CHECK(talk.receiver.numbers().size() == 700);
  talk.end();
}

TEST_CASE("forward sink: a shared key, and user and password where the server asks for them") {
  for (const bool asks : {false, true}) {
    Conversation talk(Given{{"shared_key", "secret"}, {"user", "me"}, {"password", "word"}});
    talk.receiver.shared_key = "secret";
    if (asks) talk.receiver.user = "me";
    if (asks) talk.receiver.password = "word";
    talk.begin();
    for (std::uint64_t number = 0; number < 5; ++number) {
      put(talk.process, number, number + 1);
      REQUIRE(drain(talk.process));
    }
    CHECK(talk.receiver.numbers().size() == 5);
    CHECK(talk.receiver.greetings == 1);
    CHECK(talk.receiver.hostname == "a1000000000000000000000000000000");
    talk.end();
  }
}

TEST_CASE("forward sink: a server that wants no connection to last gets one a batch") {
  Conversation talk(Given{{"shared_key", "secret"}, {"hostname", "device"}});
  talk.receiver.shared_key = "secret";
  talk.receiver.keepalive = false;
  talk.begin();
  for (std::uint64_t number = 0; number < 5; ++number) {
    put(talk.process, number, number + 1);
    REQUIRE(drain(talk.process));
  }
  CHECK(talk.receiver.count_events() == 5);
  CHECK(talk.receiver.greetings == 5);
  CHECK(talk.receiver.hostname == "device");
  talk.end();
}

TEST_CASE("forward sink: keys that differ deliver nothing, and a person is told") {
  SUBCASE("ours is another") {
    Conversation talk(Given{{"shared_key", "other"}});
    talk.receiver.shared_key = "secret";
    talk.begin();
    CHECK(talk.complains("127.0.0.1:24224 refuses us: shared_key mismatch"));
    CHECK(talk.receiver.messages.empty());
    talk.receiver.shared_key = "other";
    REQUIRE(drain(talk.process, 2min));
    talk.end();
  }
  SUBCASE("our password is another") {
    Conversation talk(Given{{"shared_key", "secret"}, {"user", "me"}, {"password", "wrong"}});
    talk.receiver.shared_key = "secret";
    talk.receiver.user = "me";
    talk.receiver.password = "word";
    talk.begin();
    CHECK(talk.complains("refuses us: username/password mismatch"));
    talk.receiver.password = "wrong";
    REQUIRE(drain(talk.process, 2min));
    talk.end();
  }
  SUBCASE("we have none") {
    Conversation talk;
    talk.receiver.shared_key = "secret";
    talk.begin();
    CHECK(talk.complains("wants a shared key: set shared_key"));
    talk.receiver.shared_key = "";
    REQUIRE(drain(talk.process, 2min));
    talk.end();
  }
  SUBCASE("the server has none") {
    Conversation talk(Given{{"shared_key", "secret"}});
    talk.begin();
    CHECK(talk.complains("has sent no greeting: does it know a shared key?"));
    talk.receiver.shared_key = "secret";
    REQUIRE(drain(talk.process, 2min));
    talk.end();
  }
}
