// Goal: `tail` makes an event of every line of the files it is told to read, once and in order,
// through rotation, truncation, long and partial lines.
// Method: the real source in a simulated process on simulated files; the test is the writer of the
// logs and the reader of the channel.
#include "tests/sim/tail_world.hpp"

using namespace runnel;
using namespace runnel::sim;

TEST_CASE("tail: lines come in order, with their file, empty ones too, bytes as they are") {
  LogWorld world;
  const std::string binary("a\0b\xff\r\n", 6);
  world.append("/log/a.log", "one\n\n\ntwo\n" + binary);
  world.append("/log/other.txt", "not for us\n");
  TailRun tail(world.machine());
  tail.start_and_read(5);
  CHECK(tail.bodies() == Bodies{"one", "", "", "two", std::string("a\0b\xff\r", 5)});
  CHECK(tail.process.seen[0].header("file") == "/log/a.log");
  world.append("/log/a.log", "three\nfou");
  world.append("/log/b.log", "new\n");
  tail.read(7);
  world.append("/log/a.log", "r\n");
  tail.read(8);
  CHECK(tail.bodies().back() == "four");
  CHECK(tail.process.source_counters.received_events == 8);
  tail.end();
}

TEST_CASE("tail: no header when none is wanted") {
  LogWorld world;
  world.append("/log/a.log", "one\n");
  TailRun tail(world.machine(), {{"header", ""}});
  tail.start_and_read(1);
  CHECK(tail.process.seen[0].headers.empty());
  tail.end();
}

TEST_CASE("tail: rotation by rename reads the rest of the old file before the new one") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.start_and_read(1);
  // All within one moment: the source sees it afterwards.
  world.append("/log/a.log", "2\n");
  world.rename("/log/a.log", "/log/a.log.1");
  world.append("/log/a.log", "4\n");
  world.append("/log/a.log.1", "3\n");
  tail.read(4);
  CHECK(tail.bodies() == Bodies{"1", "2", "3", "4"});
  CHECK(tail.process.seen[2].header("file") == "/log/a.log");
  // A writer that has not opened the new file yet.
  world.append("/log/a.log.1", "late\n");
  tail.read(5);
  CHECK(tail.process.seen[4].header("file") == "/log/a.log");
  tail.process.run_for(10min);
  CHECK(tail.process.machine.open_handles() <= 2);
  tail.end();
}

TEST_CASE("tail: a rotated file whose new name matches too is not read again") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine(), {{"paths", "/log/a.log*"}});
  tail.start_and_read(1);
  for (int round = 2; round < 30; ++round) {
    world.append("/log/a.log", std::to_string(round) + "\n");
    if (round % 3 == 0) {
      if (world.files().exists("/log/a.log.1")) world.rename("/log/a.log.1", "/log/a.log.2");
      world.rename("/log/a.log", "/log/a.log.1");
    }
    if (round % 2 == 0) tail.process.run_for(5ms);
  }
  tail.process.run_for(1s);
  Bodies seen = tail.bodies();
  Bodies wanted;
  for (int line = 1; line < 30; ++line) wanted.push_back(std::to_string(line));
  std::sort(seen.begin(), seen.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(seen == wanted);
  tail.end();
}

TEST_CASE("tail: copytruncate, also when the file is longer again than before") {
  LogWorld world;
  world.append("/log/a.log", "1 old\n2 old\n");
  TailRun tail(world.machine());
  tail.start_and_read(2);
  world.put("/log/a.log", "3\n");
  tail.read(3);
  world.put("/log/a.log", "4 this is longer than anything before\n5\n");
  tail.read(5);
  CHECK(tail.bodies() ==
        Bodies{"1 old", "2 old", "3", "4 this is longer than anything before", "5"});
  tail.end();
}

TEST_CASE("tail: a deleted file is read to its end, also its last partial line, then let go") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.start_and_read(1);
  world.append("/log/a.log", "2\npartial");
  world.unlink("/log/a.log");
  tail.read(3);
  CHECK(tail.bodies() == Bodies{"1", "2", "partial"});
  tail.process.run_for(10s);
  CHECK(tail.process.machine.open_handles() == 1);  // the watcher
  world.append("/log/a.log", "again\n");
  tail.read(4);
  tail.end();
}

TEST_CASE("tail: patterns of folders, and folders that appear and go") {
  LogWorld world;
  TailRun tail(world.machine(), {{"paths", "/app/*/log/*.log, /deep/**/x.log"}});
  tail.start();
  tail.process.run_for(1s);
  world.make_folder("/app/one/log");
  world.append("/app/one/log/a.log", "1\n");
  tail.read(1);
  world.make_folder("/app/two");
  tail.process.run_for(1s);
  world.make_folder("/app/two/log");
  tail.process.run_for(1s);
  world.append("/app/two/log/a.log", "2\n");
  tail.read(2);
  world.make_folder("/deep/a/b/c");
  world.append("/deep/a/b/c/x.log", "3\n");
  world.append("/deep/a/b/c/y.log", "not for us\n");
  tail.read(3);
  world.append("/deep/x.log", "4\n");
  tail.read(4);
  CHECK(tail.bodies() == Bodies{"1", "2", "3", "4"});
  // The folder goes and comes back.
  world.unlink("/app/one/log/a.log");
  REQUIRE(world.files().remove_folder("/app/one/log").ok());
  tail.process.run_for(10s);
  world.make_folder("/app/one/log");
  world.append("/app/one/log/a.log", "5\n");
  tail.read(5);
  tail.end();
}

TEST_CASE("tail: long lines are cut, marked and counted, in bounded memory") {
  LogWorld world;
  const TailRun::Options small{{"event_bytes_max", "1KiB"}, {"read_bytes", "4KiB"}};
  TailRun tail(world.machine(), small);
  world.append("/log/a.log", std::string(1024, 'e') + "\n");              // exactly
  world.append("/log/a.log", std::string(1025, 'f') + "\n");              // one over
  world.append("/log/a.log", std::string(5'000'000, 'g') + "\nafter\n");  // far over the buffer
  tail.start_and_read(4);
  const auto& seen = tail.process.seen;
  CHECK(seen[0].body == std::string(1024, 'e'));
  CHECK(seen[0].header("cut_bytes").empty());
  CHECK(seen[1].body == std::string(1024, 'f'));
  CHECK(seen[1].header("cut_bytes") == "1");
  CHECK(seen[2].body == std::string(1024, 'g'));
  CHECK(seen[2].header("cut_bytes") == std::to_string(5'000'000 - 1024));
  CHECK(seen[2].header("file") == "/log/a.log");
  CHECK(seen[3].body == "after");
  CHECK(tail.process.source_counters.cut_events == 2);
  // One that grows slowly.
  for (int piece = 0; piece < 10; ++piece) {
    world.append("/log/a.log", std::string(700, 'h'));
    tail.process.run_for(50ms);
  }
  CHECK(seen.size() == 4);
  world.append("/log/a.log", "\n");
  tail.read(5);
  CHECK(seen[4].header("cut_bytes") == std::to_string(7000 - 1024));
  tail.end();
}

TEST_CASE("tail: a partial line waits for its newline, or for flush_partial_after") {
  LogWorld world;
  {
    TailRun tail(world.machine());
    world.append("/log/a.log", "one\ntw");
    tail.start();
    tail.process.run_for(1h);
    CHECK(tail.bodies() == Bodies{"one"});
    world.append("/log/a.log", "o\n");
    tail.read(2);
    CHECK(tail.bodies().back() == "two");
    tail.end();
  }
  TailRun tail(world.machine(), {{"flush_partial_after", "5s"}});
  tail.start();
  world.append("/log/a.log", "thr");
  tail.process.run_for(4s);
  CHECK(tail.bodies().empty());
  tail.read(1, 2s);
  CHECK(tail.bodies().back() == "thr");
  world.append("/log/a.log", "ee\nfour\n");
  tail.read(3);
  CHECK(tail.bodies() == Bodies{"thr", "ee", "four"});
  tail.end();
}

TEST_CASE("tail: files that this agent writes are not read") {
  LogWorld world;
  world.append("/log/mine.log", "written by a sink\n");
  world.append("/log/yours.log", "fine\n");
  TailRun tail(world.machine(), {{"paths", "/log/*, /state/*"}});
  const auto info = world.files().info("/log/mine.log");
  tail.process.own_files.add(info->device, info->inode);
  tail.start();
  tail.process.run_for(5s);
  CHECK(tail.bodies() == Bodies{"fine"});
  tail.end();
}

TEST_CASE("tail: a folder where a file is expected, and a file that cannot be opened at first") {
  LogWorld world;
  world.make_folder("/log/folder.log");
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.process.reactor.fail_next(io::Verb::open, Error::access);
  tail.start();
  tail.process.run_for(30s);
  CHECK(tail.bodies().empty());
  CHECK(tail.process.source_counters.errors == 1);
  CHECK(tail.wait_for(1, 40s));
  tail.end();
}
