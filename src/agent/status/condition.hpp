// What an agent is doing with its life, for /readyz.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/status/view.hpp"

namespace runnel::agent {

enum class Condition : std::uint8_t { starting, ready, stopping };
inline Condition condition_of(const StatusView& view) {
  if (view.stop.requested()) return Condition::stopping;
  return view.started ? Condition::ready : Condition::starting;
}
constexpr std::string_view name_of(Condition condition) {
  constexpr std::string_view names[] = {"starting", "ready", "stopping"};
  return names[static_cast<std::size_t>(condition)];
}

}  // namespace runnel::agent
