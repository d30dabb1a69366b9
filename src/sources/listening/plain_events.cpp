#include "sources/listening/plain_events.hpp"

namespace runnel::sources {

void add_cut_header(pipeline::HeaderWriter& headers, const RawEvent& raw) {
  if (raw.truncated) {
    headers.add("truncated", "true");
  } else {
    const Text<24> count(raw.cut_bytes);
    headers.add("cut_bytes", count.text());
  }
}

}  // namespace runnel::sources
