#include "sources/tcp/tcp.hpp"

#include "sources/listening/listening_options.hpp"
#include "sources/listening/listening_plan.hpp"
#include "sources/listening/plain_events.hpp"

namespace runnel::sources {
namespace {

using async::Task;
using pipeline::OptionType;
using pipeline::SourceContext;

class TcpSource final : public pipeline::Source, private StreamIntake {
 public:
  static StreamMemory carve(Region& region, const StreamSettings& settings) {
    constexpr std::size_t frame_bytes = 384;
    region.frames(2, frame_bytes);  // start, run or finish
    return StreamService::carve(region, settings);
  }
  TcpSource(SourceContext& context, const StreamSettings& settings, const StreamMemory& memory)
      : events_(context.counters), service_(context, settings, memory, *this) {}

  Task<pipeline::Started> start() override { co_return service_.start(); }
  Task<void> run() override { return service_.run(); }
  Task<void> finish() override { co_return; }

 private:
  Taken take_frames(pipeline::OutletPut& put, codec::FrameSplitter& splitter, Bytes input,
                    const RawEvent& like) override {
    return sources::take_frames(events_, put, splitter, input, like);
  }
  Taken take_last_frame(pipeline::OutletPut& put, codec::FrameSplitter& splitter,
                        const RawEvent& like) override {
    return sources::take_last_frame(events_, put, splitter, like);
  }

  PlainEvents events_;
  StreamService service_;
};

class TcpPlan final : public ListeningPlan {
 public:
  explicit TcpPlan(const StreamSettings& settings) : settings_(settings) {}
  pipeline::Source* build(Region& region, SourceContext* context) override {
    return pipeline::build_component<TcpSource, pipeline::Source>(region, context, settings_);
  }
  std::size_t record_bytes_max() const override {
    return pipeline::record_bytes(PeerHeader::bytes_max + cut_header_bytes_max,
                                  settings_.event_bytes_max);
  }
  std::vector<ListenAddress> listens() const override {
    const auto all = settings_.listen.all();
    return {all.begin(), all.end()};
  }

 private:
  StreamSettings settings_;
};

constexpr pipeline::Option options[] = {
    {.name = "listen",
     .type = OptionType::texts,
     .standard = "",
     .help = "addresses such as \"127.0.0.1:5170\", \"[::]:5170\", \"tls://[::]:6514\" or "
             "\"unix:/run/runnel/lines.sock\"; at most 8",
     .required = true},
    {.name = "framing",
     .type = OptionType::text,
     .standard = "newline",
     .help = "how the stream is split into events",
     .choices = "newline|length32|octet_counted|syslog"},
    event_bytes_max_option("64KiB", 16u << 20),
    connections_max_option,
    idle_timeout_option,
    peer_header_option,
    socket_mode_option,
    receive_buffer_option("0"),
    buffers_option("32", "receive buffers of 16 KiB for all connections together; a power of two"),
    tls_connections_max_option,
    tls_certificate_file_option,
    pipeline::tls_key_file_option,
    tls_ca_file_option,
    pipeline::tls_ca_memory_option,
    pipeline::tls_minimum_version_option,
    pipeline::tls_clock_unset_option,
    pipeline::tls_handshake_timeout_option,
};

pipeline::Checked<std::unique_ptr<pipeline::SourcePlan>> plan(
    const pipeline::OptionValues& values) {
  StreamSettings settings;
  const auto listen = listen_addresses(values, Transports::tcp);
  if (!listen) return tl::unexpected(listen.error());
  const auto buffers = buffers_from(values);
  if (!buffers) return tl::unexpected(buffers.error());
  const auto peer_header = peer_header_from(values);
  if (!peer_header) return tl::unexpected(peer_header.error());
  settings.listen = *listen;
  settings.framing = codec::framing_from(values.text("framing")).value();
  settings.event_bytes_max = values.size("event_bytes_max");
  settings.connections_max = static_cast<std::uint32_t>(values.number("connections_max"));
  settings.idle_timeout = values.duration("idle_timeout");
  settings.receive_buffer_bytes = static_cast<std::uint32_t>(values.size("receive_buffer"));
  settings.buffers = *buffers;
  settings.peer_header = *peer_header;
  if (const auto read = read_tls_options(values, options, settings); !read)
    return tl::unexpected(read.error());
  return std::make_unique<TcpPlan>(settings);
}

}  // namespace

const pipeline::SourceType tcp_type = {
    .name = "tcp",
    .activity = pipeline::Activity::passive,
    .summary =
        "listens on TCP, with or without TLS, and on Unix sockets; newline, length-prefixed or "
        "octet-counted framing",
    .options = options,
    .plan = plan,
};

}  // namespace runnel::sources
