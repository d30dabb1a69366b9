// The syslog source (passive): RFC 3164 and RFC 5424 over UDP and TCP, with both framings of
// RFC 6587, told apart per frame. Facility, severity, time, host, app, procid, msgid and structured
// data become headers; what does not parse is kept whole as the body, marked and counted.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sources {

extern const pipeline::SourceType syslog_type;

}  // namespace runnel::sources
