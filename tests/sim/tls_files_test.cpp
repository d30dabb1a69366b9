// Goal: the files of a TLS configuration are read once, a folder of authorities as one, and what
// cannot be read is told by its path. Method: a simulated machine's files.
#include "net/tls.hpp"
#include "tests/sim/harness.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

struct Machine {
  void put(const char* path, std::string_view text) {
    const Handle file = process.open(path, OpenMode::create);
    REQUIRE(process.write(file, text, 0) == Error::none);
    process.close(file);
  }
  std::string problem(const net::TlsSettings& settings) {
    const auto read = net::read_tls_files(process.system, settings);
    return read ? std::string() : read.error().text;
  }

  SimWorld world{1, SimOptions::calm()};
  Process process{world.machine()};
};

}  // namespace

TEST_CASE("tls files: a file of each kind, and only what is configured") {
  Machine machine;
  machine.put("/ca", "authorities");
  machine.put("/own", "certificate");
  machine.put("/key", "key");
  net::TlsSettings settings;
  settings.ca_file = "/ca";
  auto files = net::read_tls_files(machine.process.system, settings);
  REQUIRE(files.has_value());
  CHECK(files->authorities == "authorities");
  CHECK(files->certificate == "");
  settings.certificate_file = "/own";
  settings.key_file = "/key";
  settings.insecure_skip_verify = true;
  files = net::read_tls_files(machine.process.system, settings);
  REQUIRE(files.has_value());
  CHECK(files->authorities == "");
  CHECK(files->certificate == "certificate");
  CHECK(files->key == "key");
  settings.key_file = "/none";
  CHECK(machine.problem(settings).starts_with("/none: "));
}

TEST_CASE("tls files: a folder's files *.pem and *.crt, in the order of their names") {
  Machine machine;
  REQUIRE(machine.process.system.make_folders("/cas").ok());
  net::TlsSettings settings;
  settings.ca_file = "/cas";
  CHECK(machine.problem(settings) == "/cas: no file *.pem or *.crt in it");
  machine.put("/cas/b.pem", "second");
  machine.put("/cas/a.crt", "first\n");
  machine.put("/cas/README", "nothing");
  const auto files = net::read_tls_files(machine.process.system, settings);
  REQUIRE(files.has_value());
  CHECK(files->authorities == "first\n\nsecond\n");
}

TEST_CASE("tls files: without the system's authorities it is told what to do") {
  Machine machine;
  CHECK(machine.problem({}) ==
        "/etc/ssl/certs/ca-certificates.crt: not found; install the package ca-certificates, or "
        "name the authorities of your servers with ca_file");
}
