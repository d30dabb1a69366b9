// A response from a hostile server: read in pieces it means the same as whole, limits hold, views
// stay inside, and what was accepted means the same when it is written again. Its body follows it.
#include "base/text.hpp"
#include "codec/http/date.hpp"
#include "codec/http/head_writer.hpp"
#include "codec/http/response.hpp"
#include "tests/fuzz/http.hpp"

using namespace runnel;
using namespace runnel::codec::http;
using Kind = ResponseReader::Step::Kind;

namespace {

constexpr std::size_t head_bytes_max = 1024;

struct Read {
  ResponseReader::Step step;
  std::uint16_t status = 0;
  BodyFraming body;
  bool keep_alive = false;
};

Read read(std::string_view text, std::size_t piece, Asked asked) {
  ResponseReader reader(asked, {.head_bytes_max = head_bytes_max, .fields_max = 16});
  Read found;
  for (std::size_t size = std::min(piece, text.size());;) {
    const fuzz::Exact input(text.substr(0, size));
    ResponseHead head;
    found.step = reader.look(input.bytes(), head);
    if (found.step.kind == Kind::head) {
      FUZZ_CHECK(found.step.consumed <= std::min(size, head_bytes_max));
      FUZZ_CHECK(head.status >= 200 && head.status <= 599 && input.holds(head.reason));
      fuzz::check_fields(head.fields, input);
      if (const auto value = head.fields.find("Retry-After")) {
        const auto wait = retry_after(*value, WallTime(std::chrono::hours(24 * 365 * 50)));
        FUZZ_CHECK(!wait || (*wait >= 0s && *wait <= retry_after_max));
      }
      found.status = head.status;
      found.body = head.body;
      found.keep_alive = head.keep_alive;
    }
    if (found.step.kind != Kind::need_more || size == text.size()) return found;
    FUZZ_CHECK(size < head_bytes_max);
    size = std::min(size + piece, text.size());
  }
}

std::string written(const Read& found) {
  char room[256];
  TextWriter out{std::span<char>(room)};
  HeadWriter writer(out);
  writer.response(found.status);
  if (found.body.kind == BodyFraming::Kind::sized) writer.field("Content-Length", found.body.size);
  if (found.body.kind == BodyFraming::Kind::chunked) writer.field("Transfer-Encoding", "chunked");
  if (!found.keep_alive) writer.field("Connection", "close");
  FUZZ_CHECK(writer.end().ok());
  return std::string(out.text());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto asked = static_cast<Asked>(input.byte() % 3);
  const std::size_t piece = input.byte() + std::size_t{1};
  const std::uint64_t body_bytes_max = input.byte() * 4u;
  const std::string_view text = input.rest();
  const Read whole = read(text, text.size() + 1, asked);
  const Read split = read(text, piece, asked);
  FUZZ_CHECK(whole.step.kind == split.step.kind);
  if (whole.step.kind != Kind::head) return 0;
  FUZZ_CHECK(whole.step.consumed == split.step.consumed && whole.status == split.status);
  FUZZ_CHECK(whole.body == split.body && whole.keep_alive == split.keep_alive);
  FUZZ_CHECK(!whole.keep_alive || whole.body.kind != BodyFraming::Kind::until_close);
  const std::string plain = written(whole);
  const Read again = read(plain, piece, asked);
  FUZZ_CHECK(again.step.consumed == plain.size() && again.body == whole.body);
  fuzz::check_body(whole.body, text.substr(whole.step.consumed), piece, body_bytes_max);
  return 0;
}
