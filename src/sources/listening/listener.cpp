#include "sources/listening/listener.hpp"

#include "base/log.hpp"

namespace runnel::sources {
namespace {

constexpr int exit_unavailable = 69;
constexpr std::uint16_t first_free_port = 1024;  // below it the kernel asks for a capability

}  // namespace

Problem listen_problem(const ListenAddress& where, Error error) {
  const auto because = [&](std::string_view reason) {
    return Problem{concat("cannot listen on ", where, ": ", reason), exit_unavailable};
  };
  switch (error) {
    case Error::in_use:
      return because(
          "another process listens there; stop it, or choose another port "
          "(`ss -lntup` shows who it is)");
    case Error::access:
      if (where.address.port < first_free_port)
        return because(
            "ports below 1024 need a capability; run: setcap cap_net_bind_service=+ep "
            "/path/to/runnel, or write AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit");
      return because("the kernel does not permit it");
    case Error::not_available:
      return because(
          "the address is not on this machine; `ip address` shows those that are, "
          "0.0.0.0 and [::] stand for all of them");
    case Error::too_many_handles:
      return because("too many open files; raise the limit (LimitNOFILE= in the unit)");
    default:
      return because(describe(error));
  }
}

Built<io::Handle> open_listener(pipeline::SourceContext& context, const ListenAddress& where,
                                std::uint32_t receive_buffer_bytes) {
  io::ListenOptions options;
  options.receive_buffer_bytes = receive_buffer_bytes;
  const auto handle = context.system.listen(where.transport, where.address, options);
  if (!handle) return tl::unexpected(listen_problem(where, handle.error()));
  const auto local = context.system.local_address(*handle);
  log_info(context.name, "listening on ",
           ListenAddress{where.transport, local ? *local : where.address, where.secure});
  return *handle;
}

}  // namespace runnel::sources
