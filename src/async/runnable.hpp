// What the ready queue holds: a coroutine to resume, or a finished root task to take away.
#pragma once

#include <coroutine>

#include "base/list.hpp"

namespace runnel::async {

class Scope;
struct ReadyTag;

class Runnable : public Link<ReadyTag> {
 public:
  std::coroutine_handle<> coroutine;
  Scope* scope = nullptr;  // whose work this is
  bool finished = false;   // a root at its final suspension: its scope destroys the frame
};

}  // namespace runnel::async
