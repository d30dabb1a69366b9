// Goal: the parts of System that concern files: listing, making folders, reading small files, the
// lock, watches. Method: changes are made through the reactor, watches are waited for with `ready`.
#include <algorithm>
#include <map>
#include <set>

#include "tests/contract/fixture.hpp"

namespace runnel::contract {

using Kind = io::FolderEntry::Kind;

TEST_CASE("folders: list names everything once and can be stopped") {
  Fixture f;
  const std::string folder = f.scratch();
  std::set<std::string> expected;
  for (int index = 0; index < 300; ++index) {
    // Long names, so that the entries do not fit into one piece.
    const std::string name = "a-file-with-quite-a-long-name-" + std::to_string(index);
    f.close(f.open(f.path(name), OpenMode::create));
    expected.insert(name);
  }
  REQUIRE(f.system().make_folders(f.path("folder").c_str()).ok());
  std::map<std::string, io::FolderEntry::Kind> found;
  std::size_t calls = 0;
  REQUIRE(f.system()
              .list(folder.c_str(),
                    [&](const io::FolderEntry& entry) {
                      ++calls;
                      found[std::string(entry.name)] = entry.kind;
                      return true;
                    })
              .ok());
  CHECK(calls == 301);
  REQUIRE(found.contains("folder"));
  CHECK((found["folder"] == Kind::folder || found["folder"] == Kind::unknown));
  found.erase("folder");
  for (const std::string& name : expected) {
    REQUIRE(found.contains(name));
    CHECK((found[name] == Kind::regular || found[name] == Kind::unknown));
  }
  CHECK(found.size() == expected.size());

  calls = 0;
  const auto stop_at_third = [&](const io::FolderEntry&) { return ++calls < 3; };
  CHECK(f.system().list(folder.c_str(), stop_at_third).ok());
  CHECK(calls == 3);
}

TEST_CASE("folders: list says what is wrong, and can be nested") {
  Fixture f;
  f.write_file(f.path("file"), "");
  REQUIRE(f.system().make_folders(f.path("folder").c_str()).ok());
  f.write_file(f.path("folder/inner"), "");
  const auto nothing = [](const io::FolderEntry&) { return true; };
  CHECK(f.system().list(f.path("missing").c_str(), nothing).error() == Error::not_found);
  CHECK(f.system().list(f.path("file").c_str(), nothing).error() == Error::not_folder);

  std::set<std::string> names;
  const auto outer = [&](const io::FolderEntry& entry) {
    const std::string name(entry.name);
    names.insert(name);
    if (name != "folder") return true;
    const auto inner = [&](const io::FolderEntry& below) {
      names.insert(name + "/" + std::string(below.name));
      return true;
    };
    CHECK(f.system().list(f.path(name).c_str(), inner).ok());
    return true;
  };
  CHECK(f.system().list(f.scratch().c_str(), outer).ok());
  CHECK(names == std::set<std::string>{"file", "folder", "folder/inner"});
}

TEST_CASE("folders: make_folders makes parents and is content with what exists") {
  Fixture f;
  CHECK(f.system().make_folders(f.path("a/b/c").c_str()).ok());
  CHECK(f.system().make_folders(f.path("a/b/c").c_str()).ok());
  CHECK(f.system().make_folders(f.path("a//b/c/d/").c_str()).ok());
  f.write_file(f.path("a/b/c/d/file"), "x");
  CHECK(f.system().make_folders(f.path("a/b/c/d/file").c_str()).error() == Error::not_folder);
  CHECK(f.system().make_folders(f.path("a/b/c/d/file/e").c_str()).error() == Error::not_folder);
}

TEST_CASE("folders: read_file reads whole small files and refuses large ones") {
  Fixture f;
  const std::string text = pattern(10'000);
  const std::string path = f.path("file");
  f.write_file(path, text);
  const auto whole = f.system().read_file(path.c_str(), 10'000);
  REQUIRE(whole.has_value());
  CHECK(*whole == text);
  const auto large = f.system().read_file(path.c_str(), 9'999);
  REQUIRE(!large.has_value());
  CHECK(large.error() == Error::too_large);
  const auto missing = f.system().read_file(f.path("missing").c_str(), 10);
  REQUIRE(!missing.has_value());
  CHECK(missing.error() == Error::not_found);
  const auto none = f.system().file_info(f.path("missing").c_str());
  REQUIRE(!none.has_value());
  CHECK(none.error() == Error::not_found);
}

TEST_CASE("folders: a lock has one holder, and is free once its handle is closed") {
  Fixture f;
  const std::string path = f.path("lock");
  std::uint32_t holder = 1;
  const auto first = f.system().lock_file(path.c_str(), holder);
  REQUIRE(first.has_value());
  const auto second = f.system().lock_file(path.c_str(), holder);
  REQUIRE(!second.has_value());
  CHECK(second.error() == Error::in_use);
  CHECK(holder == f.system().process_id());
  f.close(*first);
  const auto third = f.system().lock_file(path.c_str(), holder);
  REQUIRE(third.has_value());
  f.close(*third);
  const auto nowhere = f.system().lock_file(f.path("missing/lock").c_str(), holder);
  REQUIRE(!nowhere.has_value());
  CHECK(nowhere.error() == Error::not_found);
}

namespace {

struct Seen {
  std::string name;
  bool appeared, gone, modified;
};

// Waits until a change of that name was seen that `wanted` accepts.
void await_change(Fixture& f, Handle watcher, std::uint32_t watch, const std::string& name,
                  const std::function<bool(const io::Change&)>& wanted) {
  bool found = false;
  while (!found) {
    Request ready;
    f.run(ready.ready(watcher));
    REQUIRE(ready.ok());
    f.system().take_changes(watcher, [&](const io::Change& change) {
      CHECK(!change.lost);
      CHECK(change.watch == watch);
      if (change.name == name && wanted(change)) found = true;
    });
  }
}

}  // namespace

TEST_CASE("folders: a watcher tells what appears, changes and goes") {
  Fixture f;
  const auto watcher = f.system().open_watcher();
  if (!watcher) {
    CHECK((watcher.error() == Error::unsupported || watcher.error() == Error::too_many_handles));
    MESSAGE("no watcher here: the caller polls");
    return;
  }
  const std::string folder = f.path("watched");
  REQUIRE(f.system().make_folders(folder.c_str()).ok());
  const auto watch = f.system().watch(*watcher, folder.c_str());
  if (!watch && watch.error() == Error::unsupported) {
    MESSAGE("a file system that tells no changes: the caller polls");
    return;
  }
  REQUIRE(watch.has_value());
  const std::string a = folder + "/a", b = folder + "/b";
  const auto appeared = [](const io::Change& change) { return change.appeared; };
  const auto gone = [](const io::Change& change) { return change.gone; };
  const auto modified = [](const io::Change& change) { return change.modified; };

  const Handle file = f.open(a, OpenMode::create);
  await_change(f, *watcher, *watch, "a", appeared);
  Request request;
  f.run(request.write(file, as_bytes("line\n"), 0));
  await_change(f, *watcher, *watch, "a", modified);
  f.run(request.truncate(file, 0));
  await_change(f, *watcher, *watch, "a", modified);
  f.run(request.rename(a, b));
  REQUIRE(request.ok());
  await_change(f, *watcher, *watch, "b", appeared);
  f.run(request.unlink(b));
  REQUIRE(request.ok());
  f.close(file);
  await_change(f, *watcher, *watch, "b", gone);

  // Nothing more is there to take, and taking does not wait.
  f.system().take_changes(*watcher, [](const io::Change&) {});
  f.system().take_changes(*watcher, [](const io::Change&) { FAIL_CHECK("nothing has changed"); });
  f.system().unwatch(*watcher, *watch);
  f.close(*watcher);
}

TEST_CASE("folders: a folder that is not there cannot be watched") {
  Fixture f;
  const auto watcher = f.system().open_watcher();
  if (!watcher) return;
  const auto missing = f.system().watch(*watcher, f.path("missing").c_str());
  REQUIRE(!missing.has_value());
  CHECK(missing.error() == Error::not_found);
  f.write_file(f.path("file"), "");
  const auto file = f.system().watch(*watcher, f.path("file").c_str());
  REQUIRE(!file.has_value());
  CHECK(file.error() == Error::not_folder);
  f.close(*watcher);
}

TEST_CASE("system: mapped memory is zero, aligned and its own") {
  Fixture f;
  const auto first = f.system().map(100'000);
  const auto second = f.system().map(100'000);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(first->size() >= 100'000);
  CHECK(reinterpret_cast<std::uintptr_t>(first->data()) % Region::base_alignment == 0);
  const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
  CHECK(std::all_of(first->begin(), first->end(), is_zero));
  std::fill(first->begin(), first->end(), std::byte{1});
  CHECK(std::all_of(second->begin(), second->end(), is_zero));
}

TEST_CASE("system: facts, clocks and entropy are plausible") {
  Fixture f;
  const io::Facts& facts = f.system().facts();
  CHECK(facts.page_bytes >= 4096);
  CHECK((facts.page_bytes & (facts.page_bytes - 1)) == 0);
  CHECK(facts.processors >= 1);
  CHECK(facts.handles_max >= 256);
  const Instant before = f.reactor().now();
  const Instant later = f.reactor().now();
  CHECK(before <= later);
  CHECK(before.time_since_epoch().count() > 0);
  std::string first(32, '\0'), second(32, '\0');
  f.system().entropy(writable(first));
  f.system().entropy(writable(second));
  CHECK(first != second);
  const auto offset = f.system().utc_offset_seconds(f.system().wall_clock());
  CHECK(offset >= -14 * 3600);
  CHECK(offset <= 15 * 3600);
  const io::MemoryUse use = f.system().memory_use();
  CHECK(use.peak_bytes >= use.resident_bytes / 2);
}

}  // namespace runnel::contract
