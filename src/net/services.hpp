// What the agent has once and its components share to reach the network.
#pragma once

#include "net/resolver.hpp"

namespace runnel::net {

struct Services {
  Resolver* resolver = nullptr;  // never null while components live
};

}  // namespace runnel::net
