// A request from a hostile client: read in pieces it means the same as whole, limits hold, views
// stay inside, and what was accepted means the same when it is written again. Its body follows it.
#include "base/text.hpp"
#include "codec/http/head_writer.hpp"
#include "codec/http/request.hpp"
#include "tests/fuzz/http.hpp"

using namespace runnel;
using namespace runnel::codec::http;
using Kind = RequestReader::Step::Kind;

namespace {

constexpr std::size_t head_bytes_max = 1024;

struct Read {
  RequestReader::Step step;
  std::string method, path, query, host;
  std::uint32_t minor_version = 0;
  BodyFraming body;
  bool keep_alive = false;
};

Read read(std::string_view text, std::size_t piece) {
  RequestReader reader(
      {.head = {.head_bytes_max = head_bytes_max, .fields_max = 16}, .target_bytes_max = 256});
  Read found;
  for (std::size_t size = std::min(piece, text.size());;) {
    const fuzz::Exact input(text.substr(0, size));
    RequestHead head;
    found.step = reader.look(input.bytes(), head);
    if (found.step.kind == Kind::broken)
      FUZZ_CHECK(!reason_of(found.step.status).empty() && found.step.status >= 400);
    if (found.step.kind == Kind::head) {
      FUZZ_CHECK(found.step.consumed <= std::min(size, head_bytes_max));
      FUZZ_CHECK(input.holds(head.method_name) && input.holds(head.query));
      FUZZ_CHECK(input.holds(head.host) && head.body.kind != BodyFraming::Kind::until_close);
      FUZZ_CHECK(head.path.starts_with('/') || head.path == "*");
      fuzz::check_fields(head.fields, input);
      found.method = head.method_name;
      found.path = head.path;
      found.query = head.query;
      found.host = head.host;
      found.minor_version = head.minor_version;
      found.body = head.body;
      found.keep_alive = head.keep_alive;
    }
    if (found.step.kind != Kind::need_more || size == text.size()) return found;
    FUZZ_CHECK(size < head_bytes_max);
    size = std::min(size + piece, text.size());
  }
}

std::string written(const Read& found) {
  char room[2048];
  TextWriter out{std::span<char>(room)};
  HeadWriter writer(out);
  const std::string target = found.path + (found.query.empty() ? "" : "?" + found.query);
  writer.request(found.method, target, found.host);
  if (found.body.kind == BodyFraming::Kind::sized) writer.field("Content-Length", found.body.size);
  if (found.body.kind == BodyFraming::Kind::chunked) writer.field("Transfer-Encoding", "chunked");
  if (!found.keep_alive) writer.field("Connection", "close");
  FUZZ_CHECK(writer.end().ok());
  return std::string(out.text());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = input.byte() + std::size_t{1};
  const std::uint64_t body_bytes_max = input.byte() * 4u;
  const std::string_view text = input.rest();
  const Read whole = read(text, text.size() + 1);
  const Read split = read(text, piece);
  FUZZ_CHECK(whole.step.kind == split.step.kind);
  if (whole.step.kind != Kind::head) return 0;
  FUZZ_CHECK(whole.step.consumed == split.step.consumed && whole.method == split.method);
  FUZZ_CHECK(whole.path == split.path && whole.query == split.query && whole.host == split.host);
  FUZZ_CHECK(whole.body == split.body && whole.keep_alive == split.keep_alive);
  const std::string plain = written(whole);
  if (plain.size() <= head_bytes_max) {
    const Read again = read(plain, piece);
    FUZZ_CHECK(again.step.kind == Kind::head && again.step.consumed == plain.size());
    FUZZ_CHECK(again.path == whole.path && again.query == whole.query && again.host == whole.host);
    FUZZ_CHECK(again.body == whole.body && again.keep_alive == whole.keep_alive);
  }
  fuzz::check_body(whole.body, text.substr(whole.step.consumed), piece, body_bytes_max);
  return 0;
}
