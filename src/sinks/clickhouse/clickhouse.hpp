// The `clickhouse` sink: each batch is one INSERT over ClickHouse's HTTP interface, in the format
// JSONEachRow.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType clickhouse_type;

}  // namespace runnel::sinks
