// Goal: file verbs do what operation.hpp says, with the errors it names, and tell short results and
// the end of the file. Method: through the reactor only, in an empty folder; what was written is
// read back byte by byte.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {

using Kind = io::FileInfo::Kind;

TEST_CASE("files: what is written is read back, up to the end") {
  Fixture f;
  const Handle file = f.open(f.path("a"), OpenMode::create);
  Request request;
  const std::string text = pattern(5000);
  f.run_whole(request.write(file, as_bytes(text), 0));
  CHECK(request.error == Error::none);
  CHECK(request.result == 5000);

  std::string back(5000, '\0');
  f.run_whole(request.read(file, writable(back), 0));
  CHECK(request.result == 5000);
  CHECK(back == text);

  // A read over the end is short, one at the end or behind it reads nothing.
  std::string tail(100, '\0');
  f.run_whole(request.read(file, writable(tail), 4970));
  CHECK(request.result == 30);
  CHECK(tail.substr(0, 30) == text.substr(4970));
  f.run(request.read(file, writable(tail), 5000));
  CHECK(request.ok());
  CHECK(request.result == 0);
  f.run(request.read(file, writable(tail), 1'000'000));
  CHECK(request.ok());
  CHECK(request.result == 0);
  f.close(file);
}

TEST_CASE("files: a write behind the end leaves zeros, one inside replaces") {
  Fixture f;
  const Handle file = f.open(f.path("a"), OpenMode::create);
  Request request;
  f.run_whole(request.write(file, as_bytes("end"), 10));
  CHECK(request.result == 3);
  f.run_whole(request.write(file, as_bytes("XY"), 11));
  CHECK(request.result == 2);
  f.close(file);
  CHECK(f.read_file(f.path("a")) == std::string(10, '\0') + "eXY");
}

TEST_CASE("files: large pieces come back whole") {
  Fixture f;
  const std::string text = pattern(3 * 1024 * 1024 + 17, 7);
  f.write_file(f.path("large"), text);
  const Handle file = f.open(f.path("large"), OpenMode::read);
  std::string back(text.size(), '\0');
  std::size_t size = 0;
  while (size < back.size()) {
    Request request;
    f.run(request.read(file, writable(back).subspan(size), size));
    REQUIRE(request.ok());
    REQUIRE(request.result > 0);
    size += static_cast<std::size_t>(request.result);
  }
  CHECK(back == text);
  f.close(file);
}

TEST_CASE("files: open says what is wrong") {
  Fixture f;
  f.write_file(f.path("file"), "x");
  REQUIRE(f.system().make_folders(f.path("folder").c_str()).ok());
  const auto open = [&](const std::string& name, OpenMode mode) {
    Request request;
    const std::string path = f.path(name);
    f.run(request.open(path, mode));
    if (request.ok()) f.close(request.new_handle());
    return request.error;
  };
  CHECK(open("missing", OpenMode::read) == Error::not_found);
  CHECK(open("missing", OpenMode::write) == Error::not_found);
  CHECK(open("missing", OpenMode::folder) == Error::not_found);
  CHECK(open("missing/below", OpenMode::create) == Error::not_found);
  CHECK(open("file/below", OpenMode::create) == Error::not_folder);
  CHECK(open("file/below", OpenMode::read) == Error::not_folder);
  CHECK(open("folder", OpenMode::write) == Error::is_folder);
  CHECK(open("folder", OpenMode::create) == Error::is_folder);
  CHECK(open("file", OpenMode::exclusive) == Error::exists);
  CHECK(open("folder", OpenMode::exclusive) == Error::exists);
  CHECK(open("file", OpenMode::folder) == Error::not_folder);
  CHECK(open("file", OpenMode::read) == Error::none);
  CHECK(open("file", OpenMode::write) == Error::none);
  CHECK(open("file", OpenMode::create) == Error::none);
  CHECK(open("new", OpenMode::exclusive) == Error::none);
  CHECK(open("new", OpenMode::exclusive) == Error::exists);
  CHECK(open("folder", OpenMode::folder) == Error::none);
  // Opening for writing keeps what is there.
  CHECK(f.read_file(f.path("file")) == "x");
}

TEST_CASE("files: reading a folder is an error of its own") {
  Fixture f;
  const std::string folder = f.path("folder");
  REQUIRE(f.system().make_folders(folder.c_str()).ok());
  Request open;
  f.run(open.open(folder, OpenMode::folder));
  REQUIRE(open.ok());
  std::string into(10, '\0');
  Request read;
  f.run(read.read(open.new_handle(), writable(into), 0));
  CHECK(read.error == Error::is_folder);
  f.close(open.new_handle());
}

TEST_CASE("files: stat by path and by handle agree") {
  Fixture f;
  const std::string path = f.path("file");
  f.write_file(path, "12345");
  io::FileInfo by_path, by_handle, of_folder;
  Request request;
  f.run(request.stat(path, by_path));
  CHECK(request.ok());
  CHECK(by_path.kind == Kind::regular);
  CHECK(by_path.size == 5);
  CHECK(by_path.inode != 0);

  const Handle file = f.open(path, OpenMode::read);
  f.run(request.stat(file, by_handle));
  CHECK(request.ok());
  CHECK(by_handle.kind == Kind::regular);
  CHECK(by_handle.size == 5);
  CHECK(by_handle.inode == by_path.inode);
  CHECK(by_handle.device == by_path.device);
  CHECK(by_handle.modified_ns == by_path.modified_ns);
  f.close(file);

  const auto by_system = f.system().file_info(path.c_str());
  REQUIRE(by_system.has_value());
  CHECK(by_system->inode == by_path.inode);
  CHECK(by_system->device == by_path.device);
  CHECK(by_system->size == 5);
  CHECK(by_system->modified_ns == by_path.modified_ns);

  const std::string folder = f.scratch();
  f.run(request.stat(folder, of_folder));
  CHECK(request.ok());
  CHECK(of_folder.kind == Kind::folder);
  const std::string missing = f.path("missing"), below = path + "/below";
  f.run(request.stat(missing, of_folder));
  CHECK(request.error == Error::not_found);
  f.run(request.stat(below, of_folder));
  CHECK(request.error == Error::not_folder);
}

TEST_CASE("files: truncate shortens and lengthens") {
  Fixture f;
  f.write_file(f.path("a"), "0123456789");
  const Handle file = f.open(f.path("a"), OpenMode::write);
  Request request;
  f.run(request.truncate(file, 4));
  CHECK(request.ok());
  CHECK(f.read_file(f.path("a")) == "0123");
  f.run(request.truncate(file, 6));
  CHECK(request.ok());
  CHECK(f.read_file(f.path("a")) == std::string("0123\0\0", 6));
  f.close(file);
}

TEST_CASE("files: allocate grows the file and keeps what is there") {
  Fixture f;
  f.write_file(f.path("a"), "data");
  const Handle file = f.open(f.path("a"), OpenMode::write);
  Request request;
  f.run(request.allocate(file, 0, 100'000));
  if (request.error != Error::unsupported) {  // not every file system can
    CHECK(request.ok());
    const std::string text = f.read_file(f.path("a"));
    CHECK(text.size() == 100'000);
    CHECK(text.substr(0, 4) == "data");
    CHECK(text.find_first_not_of('\0', 4) == std::string::npos);
    // An allocation inside of the file changes nothing that can be seen.
    f.run(request.allocate(file, 1000, 1000));
    CHECK(request.ok());
    CHECK(f.read_file(f.path("a")) == text);
  }
  f.close(file);
}

TEST_CASE("files: sync of a file and of a folder") {
  Fixture f;
  const Handle file = f.open(f.path("a"), OpenMode::create);
  Request request;
  f.run(request.write(file, as_bytes("kept"), 0));
  f.run(request.sync(file));
  CHECK(request.ok());
  f.close(file);
  const std::string path = f.scratch();
  const Handle folder = f.open(path, OpenMode::folder);
  f.run(request.sync(folder));
  CHECK(request.ok());
  f.close(folder);
}

TEST_CASE("files: rename replaces, unless it is exclusive") {
  Fixture f;
  const std::string a = f.path("a"), b = f.path("b"), c = f.path("c"), deep = f.path("no/c");
  f.write_file(a, "from a");
  f.write_file(b, "from b");
  Request request;
  f.run(request.rename(a, b, OpenMode::exclusive));
  CHECK(request.error == Error::exists);
  CHECK(f.read_file(a) == "from a");
  CHECK(f.read_file(b) == "from b");
  f.run(request.rename(a, b));
  CHECK(request.ok());
  CHECK(f.read_file(b) == "from a");
  f.run(request.rename(a, b));
  CHECK(request.error == Error::not_found);
  f.run(request.rename(b, c, OpenMode::exclusive));
  CHECK(request.ok());
  CHECK(f.read_file(c) == "from a");
  f.run(request.rename(c, deep));
  CHECK(request.error == Error::not_found);
}

TEST_CASE("files: an open file outlives its rename and its unlinking") {
  Fixture f;
  const std::string a = f.path("a"), b = f.path("b");
  f.write_file(a, "first");
  const Handle file = f.open(a, OpenMode::read);
  Request request;
  f.run(request.rename(a, b));
  REQUIRE(request.ok());
  f.write_file(a, "second");
  std::string text(6, '\0');
  f.run_whole(request.read(file, writable(text), 0));
  CHECK(request.result == 5);
  CHECK(text.substr(0, 5) == "first");
  f.run(request.unlink(b));
  CHECK(request.ok());
  f.run(request.unlink(b));
  CHECK(request.error == Error::not_found);
  f.run_whole(request.read(file, writable(text), 0));
  CHECK(request.result == 5);
  io::FileInfo old_info, new_info;
  f.run(request.stat(file, old_info));
  REQUIRE(request.ok());
  f.run(request.stat(a, new_info));
  REQUIRE(request.ok());
  CHECK(old_info.inode != new_info.inode);
  f.close(file);
  CHECK(f.read_file(a) == "second");
}

TEST_CASE("files: unlink of a folder is refused") {
  Fixture f;
  const std::string folder = f.path("folder");
  REQUIRE(f.system().make_folders(folder.c_str()).ok());
  Request request;
  f.run(request.unlink(folder));
  CHECK(request.error == Error::is_folder);
}

TEST_CASE("files: a handle number that is used again is the new file's") {
  Fixture f;
  for (int round = 0; round < 200; ++round) {
    const std::string name = f.path("file") + std::to_string(round % 7);
    const std::string text = pattern(64, static_cast<unsigned>(round));
    f.write_file(name, text);
    CHECK(f.read_file(name) == text);
  }
}

TEST_CASE("files: discard closes without a word") {
  Fixture f;
  for (int round = 0; round < 50; ++round) {
    const Handle file = f.open(f.path("a"), OpenMode::create);
    f.reactor().discard(file);
    f.glance();
  }
  f.reactor().discard(Handle::none);
  f.glance();
  f.write_file(f.path("a"), "still works");
  CHECK(f.read_file(f.path("a")) == "still works");
}

}  // namespace runnel::contract
