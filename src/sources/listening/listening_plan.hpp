// The plan of a passive source, which can be asked where it will listen before anything starts.
#pragma once

#include <vector>

#include "pipeline/component.hpp"
#include "sources/listening/listen_address.hpp"

namespace runnel::sources {

class ListeningPlan : public pipeline::SourcePlan {
 public:
  // In the order of the configuration, one transport after the other. Start-up only.
  virtual std::vector<ListenAddress> listens() const = 0;
};

}  // namespace runnel::sources
