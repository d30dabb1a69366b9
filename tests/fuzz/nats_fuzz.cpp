// A server's stream gives the same operations in one piece and in pieces, through a buffer of any
// size up to the first one that does not fit; views lie in the buffer; what is broken stays so.
// What we write is read again as it was meant, and takes exactly the bytes that were foretold.
#include "codec/json_reader.hpp"
#include "codec/nats.hpp"
#include "codec/nats_json.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using codec::NatsOperation;
using Kind = NatsOperation::Kind;

namespace {

bool inside(std::string_view part, Bytes whole) {
  const std::string_view text = as_text(whole);
  return part.empty() ||
         (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

std::string ack_of(std::string_view json) {
  const auto ack = codec::parse_nats_publish_ack(json);
  if (!ack) return "no ack";
  FUZZ_CHECK(!ack->accepted || (!ack->stream.empty() && !ack->refused_for_good()));
  FUZZ_CHECK(inside(ack->stream, as_bytes(json)) && inside(ack->description, as_bytes(json)));
  return std::to_string(ack->sequence) + std::string(ack->stream);
}

std::string info_of(std::string_view json) {
  std::string urls;
  const auto info = codec::parse_nats_info(json, [&](std::string_view url) {
    FUZZ_CHECK(inside(url, as_bytes(json)));
    urls += url;
  });
  if (!info) return "no info";
  FUZZ_CHECK(inside(info->server_id, as_bytes(json)) && inside(info->version, as_bytes(json)));
  return std::to_string(info->max_payload) + urls;
}

std::string word_of(const NatsOperation& operation) {
  std::string word = std::to_string(static_cast<int>(operation.kind)) + " " +
                     std::to_string(operation.status) + " ";
  for (const std::string_view text :
       {operation.text, operation.subject, operation.sid, operation.reply, operation.headers})
    word += std::string(text) + "|";
  if (operation.kind == Kind::info) word += info_of(operation.text);
  if (operation.kind == Kind::message) {
    FUZZ_CHECK(!operation.subject.empty() && !operation.sid.empty());
    FUZZ_CHECK(operation.status < 1000 && (operation.status == 0 || !operation.headers.empty()));
    word += ack_of(as_text(operation.payload));
  }
  if (operation.kind == Kind::error) codec::nats_error_kind(operation.text);
  return word + "\n";
}

struct Outcome {
  std::string words;
  Error broken = Error::none;
};

Outcome read(std::string_view stream, std::size_t room, std::size_t piece_bytes) {
  std::vector<std::byte> buffer(room);
  codec::NatsReader reader{MutableBytes(buffer)};
  Outcome outcome;
  for (;;) {
    const NatsOperation operation = reader.next();
    if (operation.kind == Kind::broken) {
      FUZZ_CHECK(operation.error != Error::none && reader.next().error == operation.error);
      outcome.broken = operation.error;
      return outcome;
    }
    if (operation.kind != Kind::need_more) {
      for (const std::string_view text :
           {operation.text, operation.subject, operation.sid, operation.reply, operation.headers})
        FUZZ_CHECK(inside(text, buffer));
      FUZZ_CHECK(inside(as_text(operation.payload), buffer));
      outcome.words += word_of(operation);
      continue;
    }
    const MutableBytes into = reader.room();
    FUZZ_CHECK(!into.empty() && reader.unread() + into.size() == room);
    if (stream.empty()) return outcome;
    const std::size_t size = std::min({into.size(), piece_bytes, stream.size()});
    put_bytes(into.data(), as_bytes(stream.substr(0, size)));
    reader.received(size);
    stream.remove_prefix(size);
  }
}

void check_stream(std::string_view stream, std::size_t room, std::size_t piece_bytes) {
  const Outcome whole = read(stream, stream.size() + 1, stream.size() + 1);
  const Outcome pieces = read(stream, stream.size() + 1, piece_bytes);
  FUZZ_CHECK(whole.words == pieces.words && whole.broken == pieces.broken);
  const Outcome little = read(stream, room, piece_bytes);
  FUZZ_CHECK(whole.words.starts_with(little.words));
  if (little.broken == Error::none) FUZZ_CHECK(whole.words == little.words);
}

// --- what we say ---------------------------------------------------------------------------------

void check_publish(std::string_view subject, std::string_view reply, std::string_view id,
                   std::string_view payload) {
  const bool printable = std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!codec::nats_subject_valid(subject) || !codec::nats_subject_valid(reply) || !printable)
    return;
  const codec::NatsPublish publish{subject, reply, id, as_bytes(payload)};
  std::string room(codec::nats_publish_bytes(publish) + 1, '\0');
  TextWriter out{std::span<char>(room)};
  codec::write_nats_publish_head(out, publish);
  out << payload << codec::nats_line_end;
  FUZZ_CHECK(out.size() == codec::nats_publish_bytes(publish));

  // As a server would send it on, with the reply where the subscription's name is.
  std::string sent(out.text());
  sent.replace(sent.find("PUB"), 3, "MSG");
  const NatsOperation operation = codec::parse_nats(as_bytes(sent));
  FUZZ_CHECK(operation.kind == Kind::message && operation.bytes == sent.size());
  FUZZ_CHECK(operation.subject == subject && operation.sid == reply);
  FUZZ_CHECK(as_text(operation.payload) == payload);
  FUZZ_CHECK(operation.headers.size() + payload.size() == codec::nats_payload_bytes(publish));
  FUZZ_CHECK(operation.headers.empty() == id.empty());
}

void check_connect(std::string_view user, std::string_view password, std::size_t room) {
  std::vector<std::byte> bytes(room);
  const auto size =
      codec::write_nats_connect({.name = "fuzz", .user = user, .password = password}, bytes);
  if (!size) return;
  std::string_view line = as_text(Bytes(bytes).first(*size));
  FUZZ_CHECK(line.starts_with("CONNECT {") && line.ends_with("}\r\n"));
  FUZZ_CHECK(line.find('\n') == line.size() - 1);
  codec::JsonReader reader(line.substr(8));
  auto token = reader.next();
  while (token != codec::JsonReader::Token::end) {
    FUZZ_CHECK(token != codec::JsonReader::Token::broken);
    token = reader.next();
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.byte() % 4 != 0) {
    const std::size_t room = input.byte() + 1u;
    const std::size_t piece_bytes = input.byte() + 1u;
    check_stream(input.rest(), room, piece_bytes);
    return 0;
  }
  const std::string_view subject = input.until('\n'), reply = input.until('\n'),
                         id = input.until('\n');
  check_connect(subject, reply, input.word() % 1024u);
  check_publish(subject, reply, id, input.rest());
  return 0;
}
