#include "sources/listening/listening_options.hpp"

namespace runnel::sources {

pipeline::Checked<std::uint32_t> buffers_from(const pipeline::OptionValues& values) {
  const std::uint64_t buffers = values.number("buffers");
  if ((buffers & (buffers - 1)) != 0)
    return pipeline::wrong("buffers",
                           concat("is ", buffers, ", not a power of two such as 32 or 64"));
  return static_cast<std::uint32_t>(buffers);
}

pipeline::Checked<std::string> peer_header_from(const pipeline::OptionValues& values) {
  const std::string& name = values.text("peer_header");
  if (name.size() > header_name_bytes_max)
    return pipeline::wrong("peer_header", concat("is ", name.size(), " bytes long; at most ",
                                                 header_name_bytes_max, " are possible"));
  if (name == PeerHeader::certificate_header)
    return pipeline::wrong(
        "peer_header", concat("is \"", name, "\", which is the header of the certificate's name"));
  return name;
}

pipeline::Checked<void> read_tls_options(const pipeline::OptionValues& values,
                                         std::span<const pipeline::Option> options,
                                         StreamSettings& streams) {
  if (streams.listen.count_secure() == 0)
    return pipeline::check_no_tls(values, options, "nothing in listen begins with tls://");
  auto tls = pipeline::tls_settings(values, net::TlsRole::server);
  if (!tls) return tl::unexpected(tls.error());
  streams.tls = std::move(*tls);
  streams.tls_connections_max = static_cast<std::uint32_t>(values.number("tls.connections_max"));
  return {};
}

}  // namespace runnel::sources
