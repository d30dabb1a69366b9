#include "sources/syslog/syslog.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "sources/listening/datagram_events.hpp"
#include "sources/listening/listening_options.hpp"
#include "sources/listening/listening_plan.hpp"
#include "sources/syslog/syslog_events.hpp"

namespace runnel::sources {
namespace {

using async::Scope;
using async::Task;
using pipeline::OptionType;
using pipeline::SourceContext;

struct SyslogSettings {
  StreamSettings streams;
  DatagramSettings datagrams;
  SyslogEventSettings events;
};

struct SyslogMemory {
  StreamMemory streams;
  DatagramMemory datagrams;
  SyslogEventMemory events;
};

class SyslogSource final : public pipeline::Source, private StreamIntake, private DatagramIntake {
 public:
  static SyslogMemory carve(Region& region, const SyslogSettings& settings) {
    constexpr std::size_t frame_bytes = 768;
    region.frames(2, frame_bytes);  // start, run or finish
    SyslogMemory memory;
    memory.streams = StreamService::carve(region, settings.streams);
    memory.datagrams = DatagramService::carve(region, settings.datagrams);
    memory.events = SyslogEvents::carve(region, settings.events);
    return memory;
  }
  SyslogSource(SourceContext& context, const SyslogSettings& settings, const SyslogMemory& memory)
      : context_(context),
        events_(context.counters, settings.events, memory.events),
        peers_(settings.events.headers ? std::string_view("peer") : std::string_view()),
        rules_{DatagramFraming::datagram, settings.events.event_bytes_max},
        streams_(context, settings.streams, memory.streams, *this),
        datagrams_(context, settings.datagrams, memory.datagrams, *this) {}

  Task<pipeline::Started> start() override {
    auto started = datagrams_.start();
    if (started) started = streams_.start();
    co_return started;
  }
  Task<void> run() override {
    Scope& outer = *co_await async::current_scope();
    Scope services(outer, context_.name);
    services.spawn(streams_.run());
    services.spawn(datagrams_.run());
    co_await services.join();
  }
  Task<void> finish() override { co_return; }

 private:
  Taken take_frames(pipeline::OutletPut& put, codec::FrameSplitter& splitter, Bytes input,
                    const RawEvent& like) override {
    look_at_clock(like.arrived);
    return sources::take_frames(events_, put, splitter, input, like);
  }
  Taken take_last_frame(pipeline::OutletPut& put, codec::FrameSplitter& splitter,
                        const RawEvent& like) override {
    look_at_clock(like.arrived);
    return sources::take_last_frame(events_, put, splitter, like);
  }
  Taken take_datagrams(pipeline::OutletPut& put, std::span<const async::BufferLease> datagrams,
                       DatagramCursor& cursor, Instant arrived) override {
    look_at_clock(arrived);
    return sources::take_datagrams(events_, peers_, rules_, put, datagrams, cursor, arrived);
  }

  // The year and the zone that RFC 3164 leaves out change seldom: a minute's delay does no harm.
  void look_at_clock(Instant now) {
    if (now < clock_due_) return;
    clock_due_ = after(now, std::chrono::minutes(1));
    const WallTime wall = context_.system.wall_clock();
    codec::SyslogClock clock;
    clock.now_ns = wall.time_since_epoch().count();
    clock.utc_offset_seconds = context_.system.utc_offset_seconds(wall);
    events_.set_clock(clock);
  }

  SourceContext& context_;
  SyslogEvents events_;
  PeerHeaders peers_;
  DatagramRules rules_;
  Instant clock_due_ = Instant::min();
  StreamService streams_;
  DatagramService datagrams_;
};

class SyslogPlan final : public ListeningPlan {
 public:
  explicit SyslogPlan(const SyslogSettings& settings) : settings_(settings) {}
  pipeline::Source* build(Region& region, SourceContext* context) override {
    return pipeline::build_component<SyslogSource, pipeline::Source>(region, context, settings_);
  }
  std::size_t record_bytes_max() const override {
    return pipeline::record_bytes(
        PeerHeader::bytes_max + SyslogEvents::headers_bytes_max(settings_.events),
        settings_.events.event_bytes_max);
  }
  std::vector<ListenAddress> listens() const override {
    std::vector<ListenAddress> all;
    for (const ListenAddresses& some : {settings_.datagrams.listen, settings_.streams.listen})
      all.insert(all.end(), some.all().begin(), some.all().end());
    return all;
  }

 private:
  SyslogSettings settings_;
};

constexpr pipeline::Option options[] = {
    {.name = "listen",
     .type = OptionType::texts,
     .standard = "",
     .help = "such as \"udp://127.0.0.1:5514\", \"tcp://[::]:5514\", \"tls://[::]:6514\", "
             "\"unix:/run/runnel/syslog.sock\", \"unixgram:/dev/log\"; at most 8",
     .required = true},
    {.name = "body",
     .type = OptionType::text,
     .standard = "message",
     .help = "the body of an event: the message alone, or everything as it came",
     .choices = "message|raw"},
    {.name = "headers",
     .type = OptionType::boolean,
     .standard = "true",
     .help = "false: no headers but marks, which is faster; severity and time are kept"},
    event_bytes_max_option("8KiB", 1u << 20),
    connections_max_option,
    idle_timeout_option,
    socket_mode_option,
    receive_buffer_option("1MiB",
                          "what to ask of the kernel for a UDP socket (SO_RCVBUF); 0: its choice"),
    buffers_option("32",
                   "TCP receive buffers of 16 KiB for all connections together; a power of two"),
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
  SyslogSettings settings;
  const auto listen = listen_addresses(values, Transports::both);
  if (!listen) return tl::unexpected(listen.error());
  const auto buffers = buffers_from(values);
  if (!buffers) return tl::unexpected(buffers.error());

  settings.events.body = values.text("body") == "raw" ? SyslogBody::raw : SyslogBody::message;
  settings.events.headers = values.boolean("headers");
  settings.events.event_bytes_max = values.size("event_bytes_max");

  StreamSettings& streams = settings.streams;
  streams.listen = listen->only(io::Transport::tcp);
  streams.framing = codec::Framing::syslog;
  streams.event_bytes_max = settings.events.event_bytes_max;
  streams.connections_max = static_cast<std::uint32_t>(values.number("connections_max"));
  streams.idle_timeout = values.duration("idle_timeout");
  streams.buffers = *buffers;
  if (!settings.events.headers) streams.peer_header.clear();

  if (const auto read = read_tls_options(values, options, streams); !read)
    return tl::unexpected(read.error());

  // No datagram is longer, however long a frame may be.
  constexpr std::size_t udp_payload_max = 65507;
  DatagramSettings& datagrams = settings.datagrams;
  datagrams.listen = listen->only(io::Transport::udp);
  datagrams.datagram_bytes_max = std::min(settings.events.event_bytes_max, udp_payload_max);
  datagrams.receive_buffer_bytes = static_cast<std::uint32_t>(values.size("receive_buffer"));
  return std::make_unique<SyslogPlan>(settings);
}

}  // namespace

const pipeline::SourceType syslog_type = {
    .name = "syslog",
    .activity = pipeline::Activity::passive,
    .summary = "receives syslog (RFC 3164, RFC 5424) over UDP, TCP, TLS and Unix sockets",
    .options = options,
    .plan = plan,
};

}  // namespace runnel::sources
