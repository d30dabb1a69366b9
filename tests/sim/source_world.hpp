// What tests of listening sources share: a source made from options as a configuration gives them,
// and clients as tasks of the same process.
#pragma once

#include <string>
#include <vector>

#include "async/operations.hpp"
#include "tests/sim/peer_address.hpp"
#include "tests/sim/pipeline_world.hpp"

namespace runnel::sim {

using OptionTexts = std::vector<std::pair<std::string_view, std::string_view>>;

// The plan of `type` with these options; lists are written "a, b".
inline pipeline::Checked<std::unique_ptr<pipeline::SourcePlan>> plan_source(
    const pipeline::SourceType& type, const OptionTexts& texts) {
  pipeline::OptionValues values;
  for (const auto& [name, text] : texts) {
    bool known = false;
    for (const pipeline::Option& option : type.options) {
      if (option.name != name) continue;
      known = true;
      auto value = pipeline::parse_option(option, text);
      REQUIRE_MESSAGE(value.has_value(), std::string(name));
      values.set(name, std::move(*value));
    }
    REQUIRE_MESSAGE(known, std::string(name));
  }
  pipeline::fill_standard(type.options, values);
  return type.plan(values);
}

// A process that runs one source.
class SourceProcess : public PipelineProcess {
 public:
  SourceProcess(SimMachine& on, const pipeline::SourceType& type, const OptionTexts& texts,
                const pipeline::ChannelSettings& settings = {}, bool once = false)
      : PipelineProcess(on, settings, once) {
    auto planned = plan_source(type, texts);
    REQUIRE(planned.has_value());
    plan = std::move(*planned);
    source = build(*plan, *source_context);
  }
  ~SourceProcess() { source->~Source(); }

  pipeline::Started start() { return complete(source->start()); }
  void run() {
    REQUIRE(start().has_value());
    spawn(watch());
  }
  // Asks for a stop; true when the source has ended within the time.
  bool stop_source(Duration limit) {
    stop_request.request();
    return run_until([&] { return ended; }, limit);
  }
  // In order: the source has its bounded time, then everything is taken apart.
  void end(Duration limit = 2s) {
    CHECK(stop_source(limit));
    stop();
  }
  std::size_t planned_frame_bytes() {
    Region measured = Region::measuring();
    plan->build(measured, nullptr);
    return measured.frame_bytes();
  }

  std::unique_ptr<pipeline::SourcePlan> plan;
  pipeline::Source* source = nullptr;
  bool ended = false;

 private:
  async::Task<void> watch() {
    co_await source->run();
    ended = true;
  }
};

// A client: connects, sends, and closes or stays.
struct Client {
  Client(PipelineProcess& process, std::string_view server) : process_(process), server_(server) {}
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  async::Task<void> connect() {
    handle = process_.system.socket(io::Transport::tcp, server_.address.family).value();
    const char* const path = server_.path.c_str();
    const Status status = co_await async::connect(handle, server_.address, never, path);
    connected = status.ok();
  }
  async::Task<void> send(std::string text) {
    Bytes rest = as_bytes(text);
    while (!rest.empty() && !failed) {
      const auto sent = co_await async::send(handle, rest);
      failed = !sent.has_value();
      if (sent) rest = rest.subspan(*sent);
    }
    ++sends_done;
  }
  async::Task<void> connect_and_send(std::string text) {
    co_await connect();
    co_await send(std::move(text));
  }
  // Everything, then the end of the stream.
  async::Task<void> deliver(std::string text) {
    co_await connect();
    co_await send(std::move(text));
    close();
  }
  async::Task<void> wait_for_end() {
    std::byte byte;
    const auto received = co_await async::recv(handle, {&byte, 1});
    saw_end = !received || *received == 0;
  }
  void close() {
    if (handle != io::Handle::none) process_.reactor.discard(handle);
    handle = io::Handle::none;
  }

  io::Handle handle = io::Handle::none;
  bool connected = false;
  bool failed = false;
  bool saw_end = false;
  int sends_done = 0;

 private:
  PipelineProcess& process_;
  PeerAddress server_;
};

inline async::Task<void> send_datagrams(PipelineProcess& process, io::Address to,
                                        std::vector<std::string> texts, Duration pause = 0s) {
  const io::Handle socket = process.system.socket(io::Transport::udp, to.family).value();
  for (const std::string& text : texts) {
    const auto sent = co_await async::send_to(socket, as_bytes(text), to);
    (void)sent;
    if (pause > 0s) {
      const Status slept = co_await async::sleep_until(after(process.scheduler->now(), pause));
      (void)slept;
    }
  }
  process.reactor.discard(socket);
}

// "name-0\n", "name-1\n", ...
inline std::string numbered_lines(std::string_view name, int count) {
  std::string all;
  for (int number = 0; number < count; ++number)
    all += std::string(name) + "-" + std::to_string(number) + "\n";
  return all;
}
// How many of `name`'s lines came, all in order and none twice; -1 when not so.
inline int in_order(const std::vector<SeenEvent>& seen, std::string_view name) {
  int next = 0;
  for (const SeenEvent& event : seen) {
    if (!event.body.starts_with(std::string(name) + "-")) continue;
    if (event.body != std::string(name) + "-" + std::to_string(next)) return -1;
    ++next;
  }
  return next;
}

}  // namespace runnel::sim
