// What the nats sink gets of an event: its subject, a space, and the payload: the body as it is, or
// the object that `encoding = "json"` makes of it. A subject has no space.
#pragma once

#include "pipeline/record_format.hpp"
#include "sinks/nats/subject_template.hpp"

namespace runnel::sinks {

class NatsFormat final : public pipeline::RecordFormat {
 public:
  NatsFormat(const SubjectTemplate& subject, bool json) : subject_(subject), json_(json) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

 private:
  SubjectTemplate subject_;
  bool json_;
};

}  // namespace runnel::sinks
