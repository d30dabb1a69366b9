#include "sources/udp/udp.hpp"

#include "sources/listening/datagram_events.hpp"
#include "sources/listening/listening_options.hpp"
#include "sources/listening/listening_plan.hpp"
#include "sources/listening/plain_events.hpp"

namespace runnel::sources {
namespace {

using async::Task;
using pipeline::OptionType;
using pipeline::SourceContext;

struct UdpSettings {
  DatagramSettings datagrams;
  DatagramFraming framing = DatagramFraming::datagram;
  std::string peer_header;
};

class UdpSource final : public pipeline::Source, private DatagramIntake {
 public:
  static DatagramMemory carve(Region& region, const UdpSettings& settings) {
    constexpr std::size_t frame_bytes = 384;
    region.frames(2, frame_bytes);  // start, run or finish
    return DatagramService::carve(region, settings.datagrams);
  }
  UdpSource(SourceContext& context, const UdpSettings& settings, const DatagramMemory& memory)
      : events_(context.counters),
        peers_(settings.peer_header),
        rules_{settings.framing, settings.datagrams.datagram_bytes_max},
        service_(context, settings.datagrams, memory, *this) {}

  Task<pipeline::Started> start() override { co_return service_.start(); }
  Task<void> run() override { return service_.run(); }
  Task<void> finish() override { co_return; }

 private:
  Taken take_datagrams(pipeline::OutletPut& put, std::span<const async::BufferLease> datagrams,
                       DatagramCursor& cursor, Instant arrived) override {
    return sources::take_datagrams(events_, peers_, rules_, put, datagrams, cursor, arrived);
  }

  PlainEvents events_;
  PeerHeaders peers_;
  DatagramRules rules_;
  DatagramService service_;
};

class UdpPlan final : public ListeningPlan {
 public:
  explicit UdpPlan(const UdpSettings& settings) : settings_(settings) {}
  pipeline::Source* build(Region& region, SourceContext* context) override {
    return pipeline::build_component<UdpSource, pipeline::Source>(region, context, settings_);
  }
  std::size_t record_bytes_max() const override {
    return pipeline::record_bytes(PeerHeader::bytes_max + cut_header_bytes_max,
                                  settings_.datagrams.datagram_bytes_max);
  }
  std::vector<ListenAddress> listens() const override {
    const auto all = settings_.datagrams.listen.all();
    return {all.begin(), all.end()};
  }

 private:
  UdpSettings settings_;
};

constexpr pipeline::Option options[] = {
    {.name = "listen",
     .type = OptionType::texts,
     .standard = "",
     .help = "addresses such as \"127.0.0.1:5171\", \"[::]:5171\" or "
             "\"unixgram:/run/runnel/events.sock\"; at most 8",
     .required = true},
    {.name = "framing",
     .type = OptionType::text,
     .standard = "datagram",
     .help = "one event a datagram, or one a line in it",
     .choices = "datagram|newline"},
    {.name = "datagram_bytes_max",
     .type = OptionType::size,
     .standard = "8064",
     .help = "longer datagrams are cut, marked and counted",
     .minimum = 64,
     .maximum = 65535},
    peer_header_option,
    socket_mode_option,
    receive_buffer_option("1MiB"),
    buffers_option("64", "receive buffers of one datagram each; a power of two"),
};

pipeline::Checked<std::unique_ptr<pipeline::SourcePlan>> plan(
    const pipeline::OptionValues& values) {
  UdpSettings settings;
  const auto listen = listen_addresses(values, Transports::udp);
  if (!listen) return tl::unexpected(listen.error());
  const auto buffers = buffers_from(values);
  if (!buffers) return tl::unexpected(buffers.error());
  const auto peer_header = peer_header_from(values);
  if (!peer_header) return tl::unexpected(peer_header.error());
  settings.datagrams.listen = *listen;
  settings.datagrams.datagram_bytes_max = values.size("datagram_bytes_max");
  settings.datagrams.receive_buffer_bytes =
      static_cast<std::uint32_t>(values.size("receive_buffer"));
  settings.datagrams.buffers = *buffers;
  settings.framing =
      values.text("framing") == "newline" ? DatagramFraming::newline : DatagramFraming::datagram;
  settings.peer_header = *peer_header;
  return std::make_unique<UdpPlan>(settings);
}

}  // namespace

const pipeline::SourceType udp_type = {
    .name = "udp",
    .activity = pipeline::Activity::passive,
    .summary = "listens for datagrams; one event each, or one a line",
    .options = options,
    .plan = plan,
};

}  // namespace runnel::sources
