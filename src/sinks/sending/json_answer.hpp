// An answer in JSON, of which a sink wants to know a few words. Read as it comes, never kept.
#pragma once

#include "codec/json_pieces.hpp"
#include "sinks/sending/http_exchange.hpp"

namespace runnel::sinks {

class JsonAnswer : public AnswerReader {
 public:
  using Token = codec::JsonReader::Token;

  void begin() final {
    pieces_.begin();
    clear();
  }
  void take(Bytes piece) final {
    while (!piece.empty()) {
      piece = piece.subspan(pieces_.fill(piece));
      look_at_all();
    }
  }
  // Nothing more comes: was it one whole JSON value? What was read of one that was not counts for
  // nothing.
  bool finish() {
    pieces_.end();
    look_at_all();
    return pieces_.whole();
  }

 protected:
  virtual void clear() = 0;
  virtual void look(Token token, const codec::JsonReader& reader) = 0;

 private:
  void look_at_all() {
    while (pieces_.next()) look(pieces_.token(), pieces_.reader());
  }

  codec::JsonPieces pieces_;
};

}  // namespace runnel::sinks
