// The options that listening sources share, and their way from checked values to settings.
#pragma once

#include "pipeline/connection_options.hpp"
#include "sources/listening/datagram_service.hpp"
#include "sources/listening/stream_service.hpp"

namespace runnel::sources {

inline constexpr pipeline::Option connections_max_option = {
    .name = "connections_max",
    .type = pipeline::OptionType::number,
    .standard = "64",
    .help = "clients served at once; the next ones wait to be accepted",
    .minimum = 1,
    .maximum = 4096,
};
inline constexpr pipeline::Option idle_timeout_option = {
    .name = "idle_timeout",
    .type = pipeline::OptionType::duration,
    .standard = "10m",
    .help = "closes a connection that sends nothing for so long; 0s: never",
};
inline constexpr pipeline::Option peer_header_option = {
    .name = "peer_header",
    .type = pipeline::OptionType::text,
    .standard = "peer",
    .help = "name of the header with the sender's IP address, or \"unix\"; empty: none",
};
inline constexpr pipeline::Option socket_mode_option = {
    .name = "socket_mode",
    .type = pipeline::OptionType::text,
    .standard = "0660",
    .help = "of the files of Unix sockets: who may write to one may send to it",
};
// Zero, the standard of streams, leaves it to the kernel, which then grows it as needed.
inline constexpr pipeline::Option receive_buffer_option(
    std::string_view standard,
    std::string_view help = "what to ask of the kernel for a socket (SO_RCVBUF); 0: its choice") {
  return {
      .name = "receive_buffer",
      .type = pipeline::OptionType::size,
      .standard = standard,
      .help = help,
      .maximum = 256u << 20,
  };
}
inline constexpr pipeline::Option buffers_option(std::string_view standard, std::string_view help) {
  return {
      .name = "buffers",
      .type = pipeline::OptionType::number,
      .standard = standard,
      .help = help,
      .minimum = 4,
      .maximum = 4096,
  };
}
inline constexpr pipeline::Option event_bytes_max_option(std::string_view standard,
                                                         std::uint64_t maximum) {
  return {
      .name = "event_bytes_max",
      .type = pipeline::OptionType::size,
      .standard = standard,
      .help = "longer events are cut, marked and counted",
      .minimum = 64,
      .maximum = maximum,
  };
}

// Of those that listen with TLS too; with them go `tls_*_option` of `connection_options.hpp`.
inline constexpr pipeline::Option tls_connections_max_option = {
    .name = "tls.connections_max",
    .type = pipeline::OptionType::number,
    .standard = "16",
    .help =
        "clients of tls:// served at once, for whom 70 KiB each are planned; the next ones wait",
    .minimum = 1,
    .maximum = 4096,
};
inline constexpr pipeline::Option tls_certificate_file_option = {
    .name = "tls.certificate_file",
    .type = pipeline::OptionType::text,
    .standard = "",
    .help = "ours, for tls://: PEM, with what is between it and its authority",
};
inline constexpr pipeline::Option tls_ca_file_option = {
    .name = "tls.ca_file",
    .type = pipeline::OptionType::text,
    .standard = "",
    .help =
        "clients must show a certificate from these: a PEM file or a folder; empty: none is asked "
        "for",
};

// A power of two, as the kernel's buffer rings are.
pipeline::Checked<std::uint32_t> buffers_from(const pipeline::OptionValues& values);
pipeline::Checked<std::string> peer_header_from(const pipeline::OptionValues& values);
// Those of TLS, for what is in `streams.listen`. `options` is the table of the source.
pipeline::Checked<void> read_tls_options(const pipeline::OptionValues& values,
                                         std::span<const pipeline::Option> options,
                                         StreamSettings& streams);

}  // namespace runnel::sources
