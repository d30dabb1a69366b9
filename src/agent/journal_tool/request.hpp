// What `runnel journal` was asked for.
#pragma once

#include <cstdint>
#include <string>

namespace runnel::agent {

struct JournalRequest {
  enum class Action : std::uint8_t { inspect, verify, export_events, repair, release };
  enum class Format : std::uint8_t { json, text };

  Action action = Action::inspect;
  std::string path;
  std::string new_path;  // repair
  std::string sink;      // release
  bool blocks = false;   // inspect: a line a block
  Format format = Format::json;
  std::uint64_t from = 0;  // export: sequences, both included
  std::uint64_t until = UINT64_MAX;
};

}  // namespace runnel::agent
