// The `elasticsearch` sink: indexes each batch with one _bulk request of Elasticsearch or
// OpenSearch.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType elasticsearch_type;

}  // namespace runnel::sinks
