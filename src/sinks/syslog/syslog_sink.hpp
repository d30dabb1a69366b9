// The `syslog` sink: events as RFC 5424 messages over UDP (RFC 5426), TCP (RFC 6587) and TLS
// (RFC 5425).
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType syslog_sink_type;

}  // namespace runnel::sinks
