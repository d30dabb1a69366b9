#include "sinks/syslog/syslog_sink.hpp"

#include <algorithm>

#include "codec/syslog.hpp"
#include "sinks/sending/stream_sink.hpp"
#include "sinks/syslog/datagram_sink.hpp"
#include "sinks/syslog/syslog_format.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

// RFC 5426 section 3.3, IANA's syslog-conn (RFC 3195 section 9.2), RFC 5425 section 4.1.
constexpr std::uint16_t udp_port = 514, tcp_port = 601, tls_port = 6514;
constexpr std::string_view udp_scheme = "udp://", tcp_scheme = "tcp://", tls_scheme = "tls://";

constexpr std::size_t standard_message_bytes = 8 * 1024, standard_datagram_bytes = 2 * 1024;
constexpr std::size_t datagram_bytes_max = 65'507;  // of IPv4
constexpr std::size_t message_bytes_highest = 1u << 20;

constexpr pipeline::Option options[] = {
    {.name = "address",
     .type = OptionType::text,
     .standard = "",
     .help = "\"udp://HOST\", \"tcp://HOST\" or \"tls://HOST\", with a port or without: 514, 601, "
             "6514; \"unix:/run/x.sock\"",
     .required = true},
    {.name = "framing",
     .type = OptionType::text,
     .standard = "octet_counted",
     .help =
         "of messages over TCP, TLS and Unix sockets: their length in front, or a newline behind",
     .choices = "octet_counted|newline"},
    {.name = "facility",
     .type = OptionType::text,
     .standard = "%{facility}",
     .help = "name or number, as in \"local3\", or a template; what is none of them is user"},
    {.name = "severity",
     .type = OptionType::text,
     .standard = "%{severity}",
     .help = "name or number, or a template; what is none of them is notice"},
    {.name = "hostname",
     .type = OptionType::text,
     .standard = "%{host}",
     .help = "template; where nothing comes of it, the name of this machine"},
    {.name = "app_name",
     .type = OptionType::text,
     .standard = "%{app}",
     .help = "template; where nothing comes of it, the name of the source"},
    {.name = "procid",
     .type = OptionType::text,
     .standard = "%{procid}",
     .help = "template; where nothing comes of it, -"},
    {.name = "msgid",
     .type = OptionType::text,
     .standard = "%{msgid}",
     .help = "template; where nothing comes of it, -"},
    {.name = "structured_data",
     .type = OptionType::boolean,
     .standard = "true",
     .help = "headers that are no fields of the message go as structured data"},
    {.name = "structured_data_id",
     .type = OptionType::text,
     .standard = "runnel@32473",
     .help = "name of that element: NAME@NUMBER with your private enterprise number"},
    {.name = "bom",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "a body that is UTF-8 begins with its mark, as RFC 5424 has it and few expect"},
    {.name = "max_message",
     .type = OptionType::size,
     .standard = "0",
     .help = "longer messages are cut and counted; 0: 8KiB, over UDP 2KiB; at most 1MiB, 65507",
     .maximum = message_bytes_highest},
};

class SyslogPlan final : public pipeline::SinkPlan {
 public:
  SyslogPlan() : format_(message) { delivery.format = &format_; }

  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    if (context != nullptr) message.host = context->system.facts().host_name;
    if (is_datagrams())
      return pipeline::build_component<DatagramSink, pipeline::Sink>(region, context, to);
    return pipeline::build_component<StreamSink, pipeline::Sink>(region, context, to);
  }
  bool is_datagrams() const { return message.framing == SyslogFraming::datagram; }

  SyslogFormatSettings message;
  Destination to;

 private:
  SyslogFormat format_;
};

Checked<void> read_fields(const OptionValues& values, SyslogFields& fields) {
  struct Field {
    std::string_view option;
    FieldTemplate& into;
  };
  const Field all[] = {{"facility", fields.facility}, {"severity", fields.severity},
                       {"hostname", fields.hostname}, {"app_name", fields.app_name},
                       {"procid", fields.procid},     {"msgid", fields.msgid}};
  for (const Field& field : all) {
    const auto parsed = FieldTemplate::parse(values.text(field.option));
    if (!parsed) return wrong(field.option, parsed.error());
    field.into = *parsed;
  }
  const std::string &facility = values.text("facility"), &severity = values.text("severity");
  if (fields.facility.is_constant() && !codec::facility_from(facility))
    return wrong("facility", concat("is \"", facility, "\", which is none: kern to local7"));
  if (fields.severity.is_constant() && !codec::severity_from(severity))
    return wrong("severity", concat("is \"", severity, "\", which is none: emerg to debug"));
  return {};
}

Checked<void> read_message(const OptionValues& values, SyslogFormatSettings& message) {
  message.element = values.boolean("structured_data");
  message.element_id = values.text("structured_data_id");
  message.bom = values.boolean("bom");
  if (message.element_id.empty() || message.element_id.size() > codec::sd_name_bytes_max ||
      !std::ranges::all_of(message.element_id, codec::is_sd_name_byte))
    return wrong("structured_data_id",
                 "is not 1 to 32 printable characters without space, =, ] and \"");
  const bool datagrams = message.framing == SyslogFraming::datagram;
  const std::size_t highest = datagrams ? datagram_bytes_max : message_bytes_highest;
  message.message_bytes_max = values.size("max_message");
  if (message.message_bytes_max == 0)
    message.message_bytes_max = datagrams ? standard_datagram_bytes : standard_message_bytes;
  if (message.message_bytes_max < SyslogFormatSettings::message_bytes_lowest ||
      message.message_bytes_max > highest)
    return wrong("max_message", concat("is not 512 to ", highest, " bytes"));
  return {};
}

Checked<Endpoint> read_address(const OptionValues& values, SyslogFraming& framing) {
  std::string_view address = values.text("address");
  const bool counted = values.text("framing") == "octet_counted";
  framing = counted ? SyslogFraming::octet_counted : SyslogFraming::newline;
  const bool datagrams = address.starts_with(udp_scheme);
  if (!datagrams && !address.starts_with(tcp_scheme) && !address.starts_with(tls_scheme) &&
      !address.starts_with(net::local_scheme) && !net::is_local_path(address))
    return wrong("address", concat("\"", address, "\" does not say how: write for example \"tcp://",
                                   address, "\", udp:// or tls://"));
  std::uint16_t port = address.starts_with(tls_scheme) ? tls_port : tcp_port;
  if (datagrams) {
    if (!counted) return wrong("framing", "is set, but over UDP each datagram is a message");
    framing = SyslogFraming::datagram;
    port = udp_port;
    address.remove_prefix(udp_scheme.size());
    if (address.find("://") != address.npos)
      return wrong("address", concat("\"", address, "\" is not a host behind udp://"));
  }
  auto endpoint = parse_endpoint(address, port);
  if (!endpoint) return wrong("address", endpoint.error());
  return *endpoint;
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto made = std::make_unique<SyslogPlan>();
  SyslogFormatSettings& message = made->message;
  auto endpoint = read_address(values, message.framing);
  if (!endpoint) return tl::unexpected(endpoint.error());
  made->looks_up_names = endpoint->is_name();
  auto to = destination_from(values, std::move(*endpoint));
  if (!to) return tl::unexpected(to.error());
  made->to = std::move(*to);
  if (const auto fields = read_fields(values, message.fields); !fields)
    return tl::unexpected(fields.error());
  if (const auto rest = read_message(values, message); !rest) return tl::unexpected(rest.error());
  made->delivery.octet_counted = message.framing == SyslogFraming::octet_counted;
  made->delivery.event_ends = made->is_datagrams();
  return made;
}

}  // namespace

const pipeline::SinkType syslog_sink_type = {
    .name = "syslog",
    .summary = "sends events as syslog messages (RFC 5424) over UDP, TCP, TLS and Unix sockets",
    .options = options,
    .connects = true,
    .plan = plan,
};

}  // namespace runnel::sinks
