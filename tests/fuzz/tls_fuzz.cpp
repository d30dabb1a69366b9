// A client in its handshake and after it, to whom a real server's bytes come changed, cut, doubled
// or made up. Whatever comes: the client ends with an error or goes on, never believes data that
// the server did not send, and its arena is empty afterwards.
#include <optional>

#include "tests/fuzz/fuzz.hpp"
#include "tests/support/tls_pair.hpp"

using namespace runnel;
using namespace runnel::test;

namespace {

constexpr std::string_view said = "what the server says";
// Of what nobody takes off the wire: doubled at every step it would be all there is.
constexpr std::size_t wire_most = 64 * 1024;

TlsPair& parties(bool rsa) {
  static TlsPair ec;
  static TlsPair other(client_settings(), rsa_client(), server_settings(), rsa_server());
  return rsa ? other : ec;
}

// One instruction of the input: what happens to the bytes that are on the wire now.
void meddle(fuzz::Input& input, std::string& wire) {
  const std::uint8_t how = input.byte();
  const std::size_t at = wire.empty() ? 0 : input.word() % wire.size();
  switch (how % 8) {
    case 0:
      break;  // nothing, as mostly
    case 1:
      if (!wire.empty()) wire[at] = static_cast<char>(wire[at] ^ (how >> 3 | 1));
      break;
    case 2:
      wire.resize(at);
      break;
    case 3:
      wire.insert(at, input.take(input.byte()));
      break;
    case 4:
      wire.erase(at, input.byte());
      break;
    case 5:
      if (wire.size() < wire_most) wire += wire.substr(at);
      break;
    case 6:
      wire = input.take(input.word() % 1024);
      break;
    default: {
      const std::string_view over = input.take(input.byte());
      wire.replace(at, over.size(), over);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t options = input.byte();
  TlsPair& pair = parties((options & 1) != 0);
  pair.world.random.seed(1);
  pair.world.now = TlsWorld::year(2026) + std::chrono::hours((options & 2) != 0 ? 48 : 0);
  pair.piece = (options & 4) != 0 ? 1 + input.byte() : SIZE_MAX;
  // The sessions of before are of no use when time is set back, so that every input is one of its
  // own.
  if ((options & 8) == 0) pair.world.now -= std::chrono::hours(100);

  TlsPair::Outcome client, server;
  pair.to_client.clear();
  pair.to_server.clear();
  FUZZ_CHECK(pair.client.session->begin({}).ok());
  FUZZ_CHECK(pair.server.session->begin({}).ok());
  for (int step = 0; step < 80; ++step) {
    pair.advance(*pair.server.session, pair.to_server, pair.to_client, server);
    if (!pair.to_client.empty()) meddle(input, pair.to_client);
    pair.advance(*pair.client.session, pair.to_client, pair.to_server, client);
  }
  if (client.done && server.done) {
    FUZZ_CHECK(TlsPair::say(*pair.server.session, said, pair.to_client) == Error::none);
    meddle(input, pair.to_client);
    Error error = Error::none;
    const std::string heard = pair.hear(*pair.client.session, pair.to_client, error);
    FUZZ_CHECK(heard == "" || heard == said);
  } else {
    FUZZ_CHECK(!client.done || server.error != Error::none || !server.done);
  }
  if (client.error != Error::none) FUZZ_CHECK(!pair.client.session->reason().empty());
  pair.end();
  FUZZ_CHECK(pair.client.session->used_bytes() == 0 && pair.server.session->used_bytes() == 0);
  return 0;
}
