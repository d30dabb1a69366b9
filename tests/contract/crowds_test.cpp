// Goal: thousands of operations in flight at once each complete exactly once with their own result.
// Method: far more of them than any queue of a driver holds, submitted in one turn.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {

TEST_CASE("crowds: 4000 file reads of one turn") {
  Fixture f;
  constexpr std::size_t count = 4000, piece = 16;
  const std::string text = pattern(count * piece, 11);
  f.write_file(f.path("file"), text);
  const Handle file = f.open(f.path("file"), OpenMode::read);
  std::string back(text.size(), '\0');
  std::vector<Request> reads(count);
  std::vector<std::size_t> done(count, 0);
  const auto read_rest = [&](std::size_t index) {
    const std::size_t at = index * piece + done[index];
    f.submit(reads[index].read(file, writable(back).subspan(at, piece - done[index]), at));
  };
  for (std::size_t index = 0; index < count; ++index) read_rest(index);
  for (std::size_t index = 0; index < count; ++index) {
    f.wait_for(reads[index]);
    // A read may bring less than was asked for, but always something.
    while (true) {
      REQUIRE(reads[index].ok());
      REQUIRE(reads[index].result > 0);
      done[index] += static_cast<std::size_t>(reads[index].result);
      REQUIRE(done[index] <= piece);
      if (done[index] == piece) break;
      read_rest(index);
      f.wait_for(reads[index]);
    }
  }
  CHECK(back == text);
  f.close(file);
}

TEST_CASE("crowds: 1000 stats and 200 opens of one turn") {
  Fixture f;
  f.write_file(f.path("file"), "12345");
  const std::string path = f.path("file"), missing = f.path("missing");
  std::vector<Request> stats(1000), opens(200);
  std::vector<io::FileInfo> infos(stats.size());
  for (std::size_t index = 0; index < stats.size(); ++index)
    f.submit(stats[index].stat(index % 3 == 0 ? missing : path, infos[index]));
  for (Request& open : opens) f.submit(open.open(path, OpenMode::read));
  for (std::size_t index = 0; index < stats.size(); ++index) {
    f.wait_for(stats[index]);
    CHECK(stats[index].error == (index % 3 == 0 ? Error::not_found : Error::none));
    if (index % 3 != 0) CHECK(infos[index].size == 5);
  }
  for (Request& open : opens) {
    f.wait_for(open);
    REQUIRE(open.ok());
    f.close(open.new_handle());
  }
}

TEST_CASE("crowds: 2000 waiting operations on 300 connections, some cancelled, all accounted for") {
  Fixture f;
  // Both ends of each count against the limit of handles.
  const std::size_t count = f.system().facts().handles_max >= 1024 ? 300 : 100;
  constexpr std::size_t each = 7;
  std::vector<SocketPair> pairs;
  for (std::size_t index = 0; index < count; ++index) pairs.push_back(f.connect_pair());
  std::vector<Request> recvs(count), readies(count * (each - 1));
  std::vector<std::string> texts(count, std::string(8, '\0'));
  for (std::size_t index = 0; index < count; ++index) {
    f.submit(recvs[index].recv(pairs[index].server, writable(texts[index])));
    // On the other end, where nothing comes until the server answers.
    for (std::size_t other = 0; other < each - 1; ++other)
      f.submit(readies[index * (each - 1) + other].ready(pairs[index].client));
  }
  f.glance();
  for (Request& recv : recvs) CHECK(!recv.done());

  // A third is cancelled while the others are served.
  for (std::size_t index = 0; index < readies.size(); index += 3)
    f.reactor().cancel(readies[index]);
  std::vector<Request> sends(count), answers(count);
  std::vector<std::string> words(count);
  for (std::size_t index = 0; index < count; ++index) {
    words[index] = "w" + std::to_string(index);
    f.submit(sends[index].send(pairs[index].client, as_bytes(words[index])));
  }
  for (std::size_t index = 0; index < count; ++index) {
    f.wait_for(recvs[index]);
    REQUIRE(recvs[index].ok());
    f.wait_for(sends[index]);
    REQUIRE(sends[index].ok());
    // Each may have come to a part only.
    const std::string& word = words[index];
    f.send_all(pairs[index].client,
               std::string_view(word).substr(static_cast<std::size_t>(sends[index].result)));
    texts[index].resize(static_cast<std::size_t>(recvs[index].result));
    texts[index] += f.receive(pairs[index].server, word.size() - texts[index].size());
    CHECK(texts[index] == word);
    f.submit(answers[index].send(pairs[index].server, as_bytes("!")));
  }
  for (std::size_t index = 0; index < readies.size(); ++index) {
    f.wait_for(readies[index]);
    if (index % 3 == 0) {
      CHECK((readies[index].error == Error::cancelled || readies[index].ok()));
    } else {
      CHECK(readies[index].ok());
    }
  }
  for (Request& answer : answers) f.wait_for(answer);
  for (const SocketPair& pair : pairs) {
    f.close(pair.client);
    f.close(pair.server);
  }
}

TEST_CASE("crowds: 300 streams over 64 buffers, each byte to its own") {
  Fixture f;
  const std::size_t count = f.system().facts().handles_max >= 1024 ? 300 : 100;
  io::BufferPool& pool = f.pool(64, 256);
  struct Connection {
    SocketPair pair;
    Request stream, send;
    std::string text, got;
    std::size_t sent = 0;
  };
  std::vector<Connection> connections(count);
  for (std::size_t index = 0; index < count; ++index) {
    Connection& connection = connections[index];
    connection.pair = f.connect_pair();
    connection.text = pattern(3000, static_cast<unsigned>(index));
    f.submit(connection.stream.recv_stream(connection.pair.server, pool));
    f.submit(connection.send.send(connection.pair.client, as_bytes(connection.text)));
  }
  f.until(
      [&] {
        bool all = true;
        for (Connection& connection : connections) {
          connection.got += f.take_text(connection.stream);
          if (connection.send.done() && connection.sent < connection.text.size()) {
            REQUIRE(connection.send.ok());
            connection.sent += static_cast<std::size_t>(connection.send.result);
            if (connection.sent < connection.text.size())
              f.submit(connection.send.send(connection.pair.client,
                                            as_bytes(connection.text).subspan(connection.sent)));
          }
          all = all && connection.got.size() >= connection.text.size() && connection.send.done();
        }
        return all;
      },
      "all of the text");
  for (Connection& connection : connections) {
    CHECK(connection.got == connection.text);
    f.reactor().cancel(connection.stream);
  }
  for (Connection& connection : connections) {
    f.wait_for(connection.stream);
    CHECK(connection.stream.error == Error::cancelled);
    f.take_text(connection.stream);
    f.close(connection.pair.client);
    f.close(connection.pair.server);
  }
}

TEST_CASE("crowds: a chain of operations, each submitted as the one before completes") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(1, '\0');
  int rounds = 0;
  for (; rounds < 3000; ++rounds) {
    Request send, recv;
    f.submit(recv.recv(pair.server, writable(into)));
    f.submit(send.send(pair.client, as_bytes("x")));
    f.wait_for(recv);
    f.wait_for(send);
    REQUIRE(recv.result == 1);
  }
  CHECK(rounds == 3000);
  f.close(pair.client);
  f.close(pair.server);
}

}  // namespace runnel::contract
