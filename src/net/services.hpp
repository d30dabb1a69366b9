// What the agent has once and its components share to reach the network.
#pragma once

#include "net/resolver.hpp"
#include "net/tls.hpp"

namespace runnel::net {

struct Services {
  Resolver* resolver = nullptr;             // never null while components live
  TlsLibrary* tls = nullptr;                // null: this platform has none
  TlsSurroundings* surroundings = nullptr;  // set when `tls` is
};

}  // namespace runnel::net
