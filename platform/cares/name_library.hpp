// c-ares as net::NameLibrary. One of an agent.
#pragma once

#include "net/libraries.hpp"
#include "platform/cares/cares_names.hpp"

namespace runnel::cares {

class NameLibrary final : public net::NameLibrary {
 public:
  void carve(Region& region) override { memory_ = CaresNames::carve(region, settings_); }
  Built<std::unique_ptr<net::NameService>> open() override;

 private:
  CaresSettings settings_;
  CaresNames::Memory memory_;
};

}  // namespace runnel::cares
