// GET /metrics: everything that is counted, and gauges of channels, sinks, the loop and memory, in
// Prometheus' text format. Written in pieces: a configuration may have hundreds of components.
#pragma once

#include <cstdint>

#include "agent/status/view.hpp"
#include "base/text.hpp"

namespace runnel::agent {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// What `out` must have room for, empty, so that a page gets on.
inline constexpr std::size_t metrics_piece_bytes_min = 2048;

// Goes on at `cursor`, which begins at 0, with as much as fits. True when there is more.
bool write_metrics(const StatusView& view, TextWriter& out, std::uint64_t& cursor);

}  // namespace runnel::agent
