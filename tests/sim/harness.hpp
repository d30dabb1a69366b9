// What the simulator's own tests share: requests that wait for themselves.
#pragma once

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {

using io::Handle;
using io::OpenMode;
using io::Verb;

struct Request : io::StreamOperation {
  bool done() const { return state == State::completed; }
};

// One process: a reactor and a system on a machine, and calls that poll until they are done.
struct Process {
  explicit Process(SimMachine& on) : machine(on), reactor(on), system(on) {}

  void submit(Request& request) { reactor.submit(request); }
  // True when something was handed over.
  bool turn(Instant until) {
    io::CompletedList completed;
    reactor.poll(until, completed);
    bool any = false;
    while (completed.take_front() != nullptr) any = true;
    return any;
  }
  void wait(Request& request) {
    while (!request.done()) {
      turn(never);
      REQUIRE_FALSE(machine.world().stalled());
    }
  }
  Error run(Request& request) {
    submit(request);
    wait(request);
    return request.error;
  }

  Handle open(const char* path, OpenMode mode) {
    Request request;
    request.verb = Verb::open;
    request.path = path;
    request.mode = mode;
    REQUIRE(run(request) == Error::none);
    return static_cast<Handle>(request.result);
  }
  Error write(Handle file, std::string_view text, std::uint64_t offset) {
    Request request;
    ask_write(request, file, text, offset);
    return run(request);
  }
  static void ask_write(Request& request, Handle file, std::string_view text,
                        std::uint64_t offset) {
    request.verb = Verb::write;
    request.handle = file;
    request.data = const_cast<std::byte*>(as_bytes(text).data());
    request.size = static_cast<std::uint32_t>(text.size());
    request.offset = offset;
  }
  Error on_handle(Verb verb, Handle handle) {
    Request request;
    request.verb = verb;
    request.handle = handle;
    return run(request);
  }
  Error sync(Handle handle) { return on_handle(Verb::sync, handle); }
  Error close(Handle handle) { return on_handle(Verb::close, handle); }
  Error sync_folder(const char* path) {
    const Handle folder = open(path, OpenMode::folder);
    const Error error = sync(folder);
    close(folder);
    return error;
  }
  Error rename(const char* from, const char* to) {
    Request request;
    request.verb = Verb::rename;
    request.path = from;
    request.path_to = to;
    return run(request);
  }

  SimMachine& machine;
  SimReactor reactor;
  SimSystem system;
};

}  // namespace runnel::sim

namespace doctest {
template <>
struct StringMaker<runnel::Error> {
  static String convert(runnel::Error error) {
    const auto name = runnel::name_of(error);
    return String(name.data(), static_cast<unsigned>(name.size()));
  }
};
}  // namespace doctest
