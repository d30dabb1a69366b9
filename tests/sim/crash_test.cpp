// Goal: a power loss keeps every promise of a sync and none that was not made: unsynced bytes may
// stay, vanish or tear at sectors, and every one of these really comes up.
// Method: many seeds of the same little program, the power cut at its end; the outcomes are
// counted.
#include <algorithm>
#include <set>

#include "tests/sim/harness.hpp"
#include "tests/support/pace.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

const std::uint64_t seeds = test::paced(200, 60);

// A process that runs `before`, loses power, and hands the files to `after`.
template <class Before, class After>
void cut_power(std::uint64_t seed, Before before, After after) {
  CAPTURE(seed);
  SimWorld world(seed);
  {
    Process process(world.machine());
    before(process);
    world.machine().power_loss();
  }
  after(world.machine().files());
}

}  // namespace

TEST_CASE("crash: what was synced is there, what was appended later may be lost or torn") {
  const std::string first(1500, 'a');
  const std::string second(5000, 'b');
  bool lost = false, kept = false, between = false, holes = false;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    cut_power(
        seed,
        [&](Process& process) {
          const Handle file = process.open("/log", OpenMode::create);
          CHECK(process.write(file, first, 0) == Error::none);
          CHECK(process.sync(file) == Error::none);
          CHECK(process.sync_folder("/") == Error::none);
          CHECK(process.write(file, second, first.size()) == Error::none);
        },
        [&](SimFiles& files) {
          const auto text = files.text("/log");
          REQUIRE(text.has_value());
          REQUIRE(text->size() >= first.size());
          REQUIRE(text->size() <= first.size() + second.size());
          CHECK(text->substr(0, first.size()) == first);
          const std::string rest = text->substr(first.size());
          CHECK(std::all_of(rest.begin(), rest.end(), [](char c) { return c == 'b' || c == 0; }));
          lost |= rest.empty();
          kept |= rest == second;
          between |= !rest.empty() && rest.size() < second.size();
          holes |= rest.find('\0') != std::string::npos;
        });
  }
  CHECK(lost);
  CHECK(kept);
  CHECK(between);
  CHECK(holes);
}

TEST_CASE("crash: an overwrite in place tears at sectors and nowhere else") {
  const std::string old_text(8 * sector_bytes, 'o');
  const std::string new_text(8 * sector_bytes, 'n');
  bool mixed = false;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    cut_power(
        seed,
        [&](Process& process) {
          const Handle file = process.open("/state", OpenMode::create);
          CHECK(process.write(file, old_text, 0) == Error::none);
          CHECK(process.sync(file) == Error::none);
          CHECK(process.sync_folder("/") == Error::none);
          CHECK(process.write(file, new_text, 0) == Error::none);
        },
        [&](SimFiles& files) {
          const auto text = files.text("/state");
          REQUIRE(text.has_value());
          REQUIRE(text->size() == old_text.size());
          for (std::size_t at = 0; at < text->size(); at += sector_bytes) {
            const std::string sector = text->substr(at, sector_bytes);
            CHECK((sector == std::string(sector_bytes, 'o') ||
                   sector == std::string(sector_bytes, 'n')));
          }
          mixed |= text->find('o') != std::string::npos && text->find('n') != std::string::npos;
        });
  }
  CHECK(mixed);
}

TEST_CASE("crash: a sync promises what was written before it began, not what came during it") {
  bool lost = false;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    cut_power(
        seed,
        [&](Process& process) {
          const Handle file = process.open("/log", OpenMode::create);
          CHECK(process.sync_folder("/") == Error::none);
          CHECK(process.write(file, std::string(sector_bytes, 'a'), 0) == Error::none);
          Request sync, write;
          sync.verb = Verb::sync;
          sync.handle = file;
          const std::string later(sector_bytes, 'b');
          Process::ask_write(write, file, later, sector_bytes);
          process.submit(sync);
          process.submit(write);
          process.wait(write);
          process.wait(sync);
        },
        [&](SimFiles& files) {
          const auto text = files.text("/log");
          REQUIRE(text.has_value());
          REQUIRE(text->size() >= sector_bytes);
          CHECK(text->substr(0, sector_bytes) == std::string(sector_bytes, 'a'));
          lost |= text->size() == sector_bytes;
        });
  }
  CHECK(lost);
}

TEST_CASE("crash: a new file needs a sync of its folder") {
  std::set<bool> without;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const bool folder_synced : {true, false}) {
      cut_power(
          seed,
          [&](Process& process) {
            const Handle file = process.open("/new", OpenMode::exclusive);
            CHECK(process.write(file, "text", 0) == Error::none);
            CHECK(process.sync(file) == Error::none);
            if (folder_synced) CHECK(process.sync_folder("/") == Error::none);
          },
          [&](SimFiles& files) {
            const bool there = files.exists("/new");
            if (there) CHECK(files.text("/new") == "text");
            if (folder_synced)
              CHECK(there);
            else
              without.insert(there);
          });
    }
  }
  CHECK(without.size() == 2);
}

TEST_CASE("crash: a rename is whole, and durable once the folder is synced") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const bool folder_synced : {true, false}) {
      cut_power(
          seed,
          [&](Process& process) {
            SimFiles& files = process.machine.files();
            CHECK(files.put("/checkpoint", "old").ok());
            files.sync_all();
            const Handle file = process.open("/checkpoint.tmp", OpenMode::exclusive);
            CHECK(process.write(file, "new", 0) == Error::none);
            CHECK(process.sync(file) == Error::none);
            CHECK(process.close(file) == Error::none);
            CHECK(process.rename("/checkpoint.tmp", "/checkpoint") == Error::none);
            if (folder_synced) CHECK(process.sync_folder("/") == Error::none);
          },
          [&](SimFiles& files) {
            const auto text = files.text("/checkpoint");
            REQUIRE(text.has_value());
            if (folder_synced) {
              CHECK(*text == "new");
              CHECK_FALSE(files.exists("/checkpoint.tmp"));
            } else {
              CHECK((*text == "old" || *text == "new"));
              seen.insert(*text);
            }
          });
    }
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("crash: an unlink that was not synced may be undone, with all that was durable") {
  std::set<bool> seen;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    cut_power(
        seed,
        [&](Process& process) {
          CHECK(process.machine.files().put("/spool", "durable").ok());
          process.machine.files().sync_all();
          Request unlink;
          unlink.verb = Verb::unlink;
          unlink.path = "/spool";
          CHECK(process.run(unlink) == Error::none);
          CHECK(process.machine.files().put("/other", "makes use of the inode").ok());
        },
        [&](SimFiles& files) {
          seen.insert(files.exists("/spool"));
          if (files.exists("/spool")) CHECK(files.text("/spool") == "durable");
        });
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("crash: after a failed sync the next one does not make good what was lost") {
  SimWorld world(3);
  {
    Process process(world.machine());
    const Handle file = process.open("/log", OpenMode::create);
    CHECK(process.sync_folder("/") == Error::none);
    CHECK(process.write(file, "payload", 0) == Error::none);
    process.reactor.fail_next(Verb::sync, Error::io);
    CHECK(process.sync(file) == Error::io);
    CHECK(process.sync(file) == Error::none);
    CHECK(world.machine().files().text("/log") == "payload");
    world.machine().power_loss();
  }
  CHECK(world.machine().files().text("/log") == std::string(7, '\0'));
}

TEST_CASE("crash: kill keeps files as they are; an operation in flight has happened or not") {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed);
    std::uint32_t holder = 0;
    {
      Process process(world.machine());
      const Handle file = process.open("/log", OpenMode::create);
      CHECK(process.write(file, "first", 0) == Error::none);
      CHECK(process.system.lock_file("/lock", holder).has_value());
      const std::string second(1000, 's');
      Request write;
      Process::ask_write(write, file, second, 5);
      process.submit(write);
      CHECK_FALSE(process.turn(process.reactor.now()));
      world.machine().kill();
      CHECK(write.state == io::Operation::State::idle);
    }
    const auto text = world.machine().files().text("/log");
    REQUIRE(text.has_value());
    CHECK(text->starts_with("first"));
    sizes.insert(text->size());
    Process next(world.machine());
    CHECK(next.system.lock_file("/lock", holder).has_value());
  }
  CHECK(sizes.contains(5));
  CHECK(sizes.size() > 10);
}
