#include "base/log.hpp"

namespace runnel {

LogOutput* log_output = nullptr;
Level log_level = Level::info;

std::string_view name_of(Level level) {
  static constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
  return names[static_cast<std::size_t>(level)];
}

}  // namespace runnel
