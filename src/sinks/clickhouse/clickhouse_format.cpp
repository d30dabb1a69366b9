#include "sinks/clickhouse/clickhouse_format.hpp"

#include "codec/json_reader.hpp"

namespace runnel::sinks {
namespace {

bool is_object(std::string_view text) {
  using Token = codec::JsonReader::Token;
  codec::JsonReader reader(text);
  if (reader.next() != Token::begin_object) return false;
  reader.skip();
  return reader.next() == Token::end;
}

}  // namespace

std::optional<std::size_t> ClickHouseFormat::event(const pipeline::EncodedEvent& event,
                                                   MutableBytes into) const {
  const Bytes body = event.record.body();
  if (bodies_ && is_object(as_text(body))) {
    if (into.size() < body.size() + 1) return std::nullopt;
    *put_bytes(into.data(), body) = std::byte{'\n'};
    return body.size() + 1;
  }
  return pipeline::write_event_line(event, into);
}

}  // namespace runnel::sinks
