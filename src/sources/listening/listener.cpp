#include "sources/listening/listener.hpp"

#include <utility>

#include "base/log.hpp"

namespace runnel::sources {
namespace {

constexpr int exit_unavailable = 69;
constexpr std::uint16_t first_free_port = 1024;  // below it the kernel asks for a capability

std::string_view reason_of_path(Error error) {
  switch (error) {
    case Error::in_use:
      return "another process listens there; stop it, or choose another path (`ss -xlp` shows who "
             "it is)";
    case Error::exists:
      return "there is a file that is no socket; remove it, or choose another path";
    case Error::not_found:
      return "its folder is not there; make it, or, for a folder in /run, write RuntimeDirectory= "
             "in the unit";
    case Error::access:
      return "this user may not make a file there, or not replace that of another user; give it "
             "the folder, or, for one in /run, write RuntimeDirectory= in the unit";
    default:
      return describe(error);
  }
}

}  // namespace

Problem listen_problem(const ListenAddress& where, Error error) {
  const auto because = [&](std::string_view reason) {
    return Problem{concat("cannot listen on ", where, ": ", reason), exit_unavailable};
  };
  if (where.is_local()) return because(reason_of_path(error));
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

TextWriter& operator<<(TextWriter& out, const Listener& listener) {
  write_listened(out, *listener.where, listener.local);
  return out;
}

Built<Listener> open_listener(pipeline::SourceContext& context, const ListenAddress& where,
                              std::uint32_t receive_buffer_bytes) {
  io::ListenOptions options;
  options.receive_buffer_bytes = receive_buffer_bytes;
  options.path = where.path.c_str();
  options.mode = where.mode;
  const auto handle = context.system.listen(where.transport, where.address, options);
  if (!handle) return tl::unexpected(listen_problem(where, handle.error()));
  Listener listener{*handle, &where, where.address};
  if (const auto local = context.system.local_address(*handle)) listener.local = *local;
  if (where.is_local()) {
    if (const auto file = context.system.file_info(where.path.c_str())) {
      listener.device = file->device;
      listener.inode = file->inode;
    }
  }
  log_info(context.name, "listening on ", listener);
  return listener;
}

void close_listener(pipeline::SourceContext& context, Listener& listener) {
  if (listener.where->is_local()) {
    const char* const path = listener.where->path.c_str();
    const auto file = context.system.file_info(path);
    // Not one that somebody has put there meanwhile. Before the socket goes: afterwards it might be
    // that of the next process.
    if (file && file->device == listener.device && file->inode == listener.inode)
      (void)context.system.remove_file(path);
  }
  context.reactor().discard(std::exchange(listener.handle, io::Handle::none));
}

}  // namespace runnel::sources
