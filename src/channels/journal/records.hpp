// The records of a block as it comes back from disk (pipeline/record.hpp), before anybody trusts
// them: whoever wrote the file may have been another version, or hostile. Allocates nothing.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/function_ref.hpp"
#include "pipeline/record.hpp"

namespace runnel::channels::journal {

struct RecordsFound {
  std::uint32_t events = 0;
  std::uint32_t gaps = 0;
  std::uint64_t body_bytes = 0;      // of events
  std::uint64_t dropped_events = 0;  // what the gaps stand for
  const char* wrong = nullptr;       // null: all are right
  std::size_t wrong_at = 0;          // where the record begins that is not
};

// Looks at every record: sizes against each other and the block, kinds, header lists. `raw` is
// 8-aligned; of what is right, all records can be read.
RecordsFound check_records(Bytes raw);

// Hands out the events and gaps of records that passed the check.
void each_record(Bytes raw, FunctionRef<void(const pipeline::Record&)> each);

}  // namespace runnel::channels::journal
