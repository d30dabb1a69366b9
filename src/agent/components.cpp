#include "agent/components.hpp"

#include "channels/journal/journal.hpp"
#include "channels/memory/memory.hpp"
#include "sinks/clickhouse/clickhouse.hpp"
#include "sinks/console/console.hpp"
#include "sinks/elasticsearch/elasticsearch.hpp"
#include "sinks/file/file.hpp"
#include "sinks/forward/forward.hpp"
#include "sinks/http/http.hpp"
#include "sinks/influx/influx.hpp"
#include "sinks/kafka/kafka.hpp"
#include "sinks/loki/loki.hpp"
#include "sinks/mqtt/mqtt.hpp"
#include "sinks/nats/nats.hpp"
#include "sinks/null/null.hpp"
#include "sinks/otlp/otlp.hpp"
#include "sinks/syslog/syslog_sink.hpp"
#include "sinks/tcp/tcp_sink.hpp"
#include "sinks/victorialogs/victorialogs.hpp"
#include "sources/generate/generate.hpp"
#include "sources/syslog/syslog.hpp"
#include "sources/tail/tail.hpp"
#include "sources/tcp/tcp.hpp"
#include "sources/udp/udp.hpp"

namespace runnel::agent {
namespace {

constexpr const pipeline::SourceType* source_types[] = {
    &sources::tail_type,   &sources::tcp_type,      &sources::udp_type,
    &sources::syslog_type, &sources::generate_type,
};
constexpr const pipeline::ChannelType* channel_types[] = {
    &channels::memory_type,
    &channels::journal_type,
};
constexpr const pipeline::SinkType* sink_types[] = {
    &sinks::file_type,          &sinks::console_type,    &sinks::null_type,
    &sinks::tcp_sink_type,      &sinks::http_type,       &sinks::forward_type,
    &sinks::nats_type,          &sinks::clickhouse_type, &sinks::influx_type,
    &sinks::elasticsearch_type, &sinks::loki_type,       &sinks::otlp_type,
    &sinks::victorialogs_type,  &sinks::mqtt_type,       &sinks::syslog_sink_type,
#ifdef RUNNEL_KAFKA
    &sinks::kafka_type,
#endif
};
#ifdef RUNNEL_KAFKA
constexpr Registry registry{source_types, channel_types, sink_types};
#else
constexpr Registry::LeftOut left_out[] = {{"kafka", "RUNNEL_KAFKA"}};
constexpr Registry registry{source_types, channel_types, sink_types, left_out};
#endif

}  // namespace

const Registry& components() { return registry; }

}  // namespace runnel::agent
