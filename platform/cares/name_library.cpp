#include "platform/cares/name_library.hpp"

namespace runnel::cares {

Built<std::unique_ptr<net::NameService>> NameLibrary::open() {
  auto names = CaresNames::create(memory_, settings_);
  if (!names) return tl::unexpected(names.error());
  return std::unique_ptr<net::NameService>(std::move(*names));
}

}  // namespace runnel::cares
