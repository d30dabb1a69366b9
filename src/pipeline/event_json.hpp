// An event as an object of JSON, as `encoding = "json"` has it (encoder.hpp).
#pragma once

#include "codec/civil.hpp"
#include "codec/json.hpp"
#include "pipeline/record_format.hpp"

namespace runnel::pipeline {

// More than everything of it but the record's own text.
inline constexpr std::size_t event_json_frame_bytes = 512;

void write_event_json(codec::JsonWriter& json, const EncodedEvent& event, codec::Rfc3339& rfc3339);

}  // namespace runnel::pipeline
