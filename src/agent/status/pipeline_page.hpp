// GET /api/v1/pipeline: every component with its counters, what went through it over the last ten
// seconds, how full channels are, how far sinks are, and what each has last complained of. JSON,
// written in pieces.
#pragma once

#include <cstdint>

#include "agent/status/last_complaints.hpp"
#include "agent/status/recent.hpp"
#include "agent/status/view.hpp"

namespace runnel::agent {

// The largest component: names of channels, counters, a complaint with all of its bytes escaped.
inline constexpr std::size_t pipeline_piece_bytes_min = 3072;

// Goes on at `cursor`, which begins at 0, with as much as fits into `room`; `size` is what was
// written. True when there is more.
bool write_pipeline(const StatusView& view, const Recent& recent, const LastComplaints& complaints,
                    MutableBytes room, std::size_t& size, std::uint64_t& cursor);

}  // namespace runnel::agent
