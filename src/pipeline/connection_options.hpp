// The options that everything shares that speaks TLS, and all sinks that connect to somebody.
#pragma once

#include "net/tls.hpp"
#include "pipeline/options.hpp"

namespace runnel::pipeline {

// `connect_timeout`, `reply_timeout`, the proxy, the link and those of TLS.
std::span<const Option> connection_options();

// Those of TLS that whoever listens has too.
inline constexpr Option tls_ca_memory_option = {
    .name = "tls.ca_memory",
    .type = OptionType::size,
    .standard = "0",
    .help = "planned for them; 0: 640KiB for the system's, 64KiB for a file of yours",
    .maximum = 960 * 1024,
};
inline constexpr Option tls_key_file_option = {
    .name = "tls.key_file",
    .type = OptionType::text,
    .standard = "",
    .help = "its key: PEM, not encrypted",
};
inline constexpr Option tls_minimum_version_option = {
    .name = "tls.minimum_version",
    .type = OptionType::text,
    .standard = "1.2",
    .help = "the oldest version that is spoken",
    .choices = "1.2|1.3",
};
inline constexpr Option tls_clock_unset_option = {
    .name = "tls.clock_unset",
    .type = OptionType::text,
    .standard = "accept",
    .help = "before the clock is set; accept: dates of certificates are not checked; wait: no TLS",
    .choices = "accept|wait",
};
inline constexpr Option tls_handshake_timeout_option = {
    .name = "tls.handshake_timeout",
    .type = OptionType::duration,
    .standard = "10s",
    .help = "a handshake is given up after so long",
    .minimum = 1'000'000,
    .maximum = 3'600'000'000'000,
};

// What TLS is to be, when it is used. The caller sets `alpn`.
Checked<net::TlsSettings> tls_settings(const OptionValues& values, net::TlsRole role);
// When it is not used: complains about one of `options` that would have no effect.
Checked<void> check_no_tls(const OptionValues& values, std::span<const Option> options,
                           std::string_view what_would_use_it);

}  // namespace runnel::pipeline
