// The channel `journal`: a ring in memory with a ring on disk below it.
#pragma once

#include "channels/journal/settings.hpp"
#include "pipeline/component.hpp"

namespace runnel::channels {

extern const pipeline::ChannelType journal_type;

// What the plan of a journal was told, without its subscriptions; null: it is another type's.
const journal::Settings* journal_settings(const pipeline::StorePlan& plan);

}  // namespace runnel::channels
