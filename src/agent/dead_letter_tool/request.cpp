#include "agent/dead_letter_tool/request.hpp"

#include <algorithm>

#include "agent/complaints.hpp"

namespace runnel::agent {

tl::expected<DeadLetterRequest, std::string> read_dead_letter_request(std::string_view action,
                                                                      std::string_view path,
                                                                      std::string_view sink) {
  static constexpr std::string_view names[] = {"list", "send"};
  if (action.empty())
    return tl::unexpected(concat("an action is missing; possible: ", listed(names)));
  const auto* found = std::find(std::begin(names), std::end(names), action);
  if (found == std::end(names))
    return tl::unexpected(
        concat("\"", action, "\" is not one of ", listed(names), did_you_mean(action, names)));
  DeadLetterRequest request;
  request.action = static_cast<DeadLetterRequest::Action>(found - std::begin(names));
  request.path = path;
  request.sink = sink;
  if (path.empty()) return tl::unexpected(concat(action, " needs the path of a configuration"));
  return request;
}

}  // namespace runnel::agent
