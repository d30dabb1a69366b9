// THE registry: every source, channel and sink this program knows. A new component is one folder
// and one line in components.cpp. Tests bring registries of their own.
#pragma once

#include <span>

#include "pipeline/component.hpp"

namespace runnel::agent {

struct Registry {
  std::span<const pipeline::SourceType* const> sources;
  std::span<const pipeline::ChannelType* const> channels;
  std::span<const pipeline::SinkType* const> sinks;
  // Sinks that only some builds have, and this one has not.
  struct LeftOut {
    std::string_view name, option;  // of CMake
  };
  std::span<const LeftOut> left_out = {};
};

const Registry& components();

}  // namespace runnel::agent
