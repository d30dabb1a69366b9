// What `runnel dead-letter` was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace runnel::agent {

struct DeadLetterRequest {
  enum class Action : std::uint8_t { list, send };

  Action action = Action::list;
  std::string path;  // a configuration; list: or a file of dead letters
  std::string sink;  // empty: all that keep dead letters
};

// The failure says what is wrong with the words behind the command.
tl::expected<DeadLetterRequest, std::string> read_dead_letter_request(std::string_view action,
                                                                      std::string_view path,
                                                                      std::string_view sink);

}  // namespace runnel::agent
