// The options that everything shares that speaks TLS, and all sinks that connect to somebody.
#pragma once

#include "net/tls.hpp"
#include "pipeline/options.hpp"

namespace runnel::pipeline {

// `connect_timeout`, `reply_timeout` and those of TLS.
std::span<const Option> connection_options();

// What TLS is to be, when it is used. The caller sets `alpn`.
Checked<net::TlsSettings> tls_settings(const OptionValues& values, net::TlsRole role);
// When it is not used: complains about an option that would have no effect.
Checked<void> check_no_tls(const OptionValues& values, std::string_view what_would_use_it);

}  // namespace runnel::pipeline
