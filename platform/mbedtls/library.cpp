#include "platform/mbedtls/library.hpp"

#include <new>

#include "platform/mbedtls/context.hpp"
#include "platform/mbedtls/session.hpp"

namespace runnel::mbedtls {

Built<net::InPlace<net::TlsContext>> Library::make_context(MutableBytes memory,
                                                           const net::TlsSettings& settings,
                                                           const net::TlsFiles& files,
                                                           net::TlsSurroundings& surroundings,
                                                           const char* owner) {
  constexpr std::size_t head = align_up(sizeof(Context), 64);
  constexpr std::size_t configuration_bytes = 4 * 1024;
  RUNNEL_ASSERT(memory.size() >= net::tls_context_bytes(settings));
  RUNNEL_ASSERT(memory.size() >= head + configuration_bytes);
  auto checked = net::check_tls(settings);
  if (!checked) return tl::unexpected<Problem>(std::move(checked.error()));
  net::InPlace<Context> context(
      new (memory.data()) Context(memory.subspan(head), settings, surroundings, pace_, owner));
  auto started = context->start(files);
  if (!started) return tl::unexpected<Problem>(std::move(started.error()));
  return net::InPlace<net::TlsContext>(context.release());
}

}  // namespace runnel::mbedtls
