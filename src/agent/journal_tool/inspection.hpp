// `runnel journal inspect`: what a journal consists of, for a person.
#pragma once

#include "agent/journal_tool/tool.hpp"

namespace runnel::agent::journal_tool {

int inspect(const JournalRequest& request, JournalReader& reader, Machine machine);

}  // namespace runnel::agent::journal_tool
