#include "pipeline/connection_options.hpp"

#include "pipeline/group.hpp"
#include "pipeline/shared_link.hpp"

namespace runnel::pipeline {
namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000, ns_per_hour = 3'600'000'000'000;

constexpr Option of_connections[] = {
    {.name = "connect_timeout",
     .type = OptionType::duration,
     .standard = "10s",
     .help = "an attempt to connect, name and all, is given up after so long",
     .minimum = ns_per_ms,
     .maximum = ns_per_hour},
    {.name = "reply_timeout",
     .type = OptionType::duration,
     .standard = "30s",
     .help = "a connection is given up when nothing moves on it for so long while something should",
     .minimum = ns_per_ms,
     .maximum = ns_per_hour},
    {.name = "connections",
     .type = OptionType::number,
     .standard = "1",
     .help = "at once, each with a batch of its own on the way: faster, but out of order",
     .minimum = 1,
     .maximum = Group::members_max},
    {.name = "proxy",
     .type = OptionType::text,
     .standard = "",
     .help = "to go through by CONNECT: \"http://[user:password@]host:port\"; never printed"},
    {.name = "link",
     .type = OptionType::text,
     .standard = "",
     .help = "the [links.NAME] that it sends over; empty: none, nothing is limited"},
    {.name = "priority",
     .type = OptionType::number,
     .standard = "0",
     .help = "on that link: who has the higher one goes first",
     .maximum = SharedLink::priority_max},
    {.name = "tls.server_name",
     .type = OptionType::text,
     .standard = "",
     .help = "whom the server's certificate must be for; empty: the host of the address"},
    {.name = "tls.ca_file",
     .type = OptionType::text,
     .standard = "",
     .help = "whom to believe: a PEM file, or a folder of them; empty: the system's authorities"},
    tls_ca_memory_option,
    {.name = "tls.certificate_file",
     .type = OptionType::text,
     .standard = "",
     .help = "ours, if the server wants one: PEM, with what is between it and its authority"},
    tls_key_file_option,
    tls_minimum_version_option,
    {.name = "tls.insecure_skip_verify",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "true: takes any certificate, and so anybody for the server; for tests"},
    tls_clock_unset_option,
    tls_handshake_timeout_option,
};

constexpr std::string_view tls_prefix = "tls.";

}  // namespace

std::span<const Option> connection_options() { return of_connections; }

Checked<net::TlsSettings> tls_settings(const OptionValues& values, net::TlsRole role) {
  net::TlsSettings settings;
  settings.role = role;
  if (role == net::TlsRole::client) {
    settings.server_name = values.text("tls.server_name");
    settings.insecure_skip_verify = values.boolean("tls.insecure_skip_verify");
  }
  settings.ca_file = values.text("tls.ca_file");
  settings.ca_memory_bytes = values.size("tls.ca_memory");
  settings.certificate_file = values.text("tls.certificate_file");
  settings.key_file = values.text("tls.key_file");
  settings.handshake_timeout = values.duration("tls.handshake_timeout");
  if (values.text("tls.minimum_version") == "1.3")
    return wrong("tls.minimum_version", "is \"1.3\", but this version speaks TLS 1.2 only");
  if (values.text("tls.clock_unset") == "wait") settings.clock_unset = net::ClockUnset::wait;
  if (const auto checked = net::check_tls(settings); !checked)
    return wrong("tls.certificate_file", concat("and tls.key_file: ", checked.error().text));
  return settings;
}

Checked<void> check_no_tls(const OptionValues& values, std::span<const Option> options,
                           std::string_view what_would_use_it) {
  for (const Option& option : options)
    if (option.name.starts_with(tls_prefix) && is_chosen(values, option))
      return wrong(option.name, concat("is set, but TLS is not used: ", what_would_use_it));
  return {};
}

}  // namespace runnel::pipeline
