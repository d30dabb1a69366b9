// Replies to `_bulk` and to OTLP exports, in pieces of any size: judged as in one
// piece, and never more refused than there were events.
#include "sinks/elasticsearch/bulk_reply.hpp"
#include "sinks/otlp/export_reply.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;

namespace {

template <class Reply>
void read(Reply& reply, std::string_view text, std::size_t piece_bytes) {
  reply.begin();
  while (!text.empty()) {
    const fuzz::Exact piece(text.substr(0, piece_bytes));
    reply.take(as_bytes(piece.text()));
    text.remove_prefix(piece.text().size());
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece_bytes = input.byte() + 1u;
  const std::uint32_t events = input.byte();
  const std::string_view text = input.rest();
  sinks::BulkReply whole, pieces;
  read(whole, text, text.size() + 1);
  read(pieces, text, piece_bytes);
  const auto one = whole.judge(events), other = pieces.judge(events);
  FUZZ_CHECK(one.verdict == other.verdict && one.refused_events == other.refused_events);
  FUZZ_CHECK(one.reason == other.reason && one.refused_events <= events);
  sinks::ExportReply exported, in_pieces;
  read(exported, text, text.size() + 1);
  read(in_pieces, text, piece_bytes);
  FUZZ_CHECK(exported.rejected() == in_pieces.rejected());
  FUZZ_CHECK(exported.message() == in_pieces.message());
  return 0;
}
