#include "agent/status/status_service.hpp"

#include <algorithm>

#include "agent/status/condition.hpp"
#include "agent/status/metrics_page.hpp"
#include "agent/status/pipeline_page.hpp"
#include "async/sleep.hpp"
#include "sources/listening/listener.hpp"

namespace runnel::agent {
namespace {

constexpr std::uint32_t connections_max = 4;
constexpr std::uint32_t piece_bytes = 4096;
static_assert(piece_bytes >= metrics_piece_bytes_min && piece_bytes >= pipeline_piece_bytes_min);

constexpr std::string_view index_text = "/metrics\n/livez\n/readyz\n/api/v1/pipeline";

net::HttpServerSettings http_settings(const AgentSettings& settings) {
  net::HttpServerSettings http;
  http.listen = settings.listen;
  http.connections_max = connections_max;
  http.piece_bytes = piece_bytes;
  return http;
}

// RFC 6890: what does not leave the machine.
bool is_loopback(const io::Address& address) {
  if (address.family == io::Family::ipv4) return address.ip[0] == 127;
  constexpr std::array<std::uint8_t, 16> loopback = {0, 0, 0, 0, 0, 0, 0, 0,
                                                     0, 0, 0, 0, 0, 0, 0, 1};
  return address.ip == loopback;
}

void answer_metrics(const StatusView& view, net::HttpReply& reply) {
  TextWriter out({reinterpret_cast<char*>(reply.room.data()), reply.room.size()});
  reply.content_type = metrics_content_type;
  reply.more = write_metrics(view, out, reply.cursor);
  reply.size = out.size();
}

void answer_ready(const StatusView& view, net::HttpReply& reply) {
  const Condition condition = condition_of(view);
  reply.say(condition == Condition::ready ? 200 : 503, name_of(condition));
}

}  // namespace

StatusMemory StatusService::carve(Region& region, const Settings& settings) {
  StatusMemory memory;
  memory.http = net::HttpServer::carve(region, http_settings(settings.agent));
  memory.recent = Recent::carve(region, component_count(settings));
  memory.complaints = LastComplaints::carve(region, component_count(settings));
  constexpr std::size_t sampling_frame_bytes = 512;
  region.frames(1, sampling_frame_bytes);
  return memory;
}

StatusService::StatusService(const StatusView& view, const StatusMemory& memory)
    : view_(view),
      recent_(memory.recent),
      complaints_(view_, memory.complaints),
      http_settings_(http_settings(view.settings.agent)),
      scope_(view.scheduler, status_name),
      http_(view.scheduler, view.system, status_name, http_settings_, memory.http, *this) {}

pipeline::Started StatusService::start() {
  const sources::ListenAddress where{io::Transport::tcp, http_settings_.listen};
  const auto local = http_.start();
  if (!local) {
    Problem problem = sources::listen_problem(where, local.error());
    problem.text = concat("agent.listen: ", problem.text);
    return tl::unexpected(std::move(problem));
  }
  log_info(status_name, "listening on ", sources::ListenAddress{io::Transport::tcp, *local});
  if (const std::string warning = listen_warning(view_.settings.agent); !warning.empty())
    log_warn(status_name, warning);
  view_.begun = view_.scheduler.now();
  complaints_.begin();
  scope_.spawn(http_.run());
  scope_.spawn(take_samples());
  return {};
}

void StatusService::is_ready(std::size_t ceiling_bytes) {
  view_.started = true;
  view_.ceiling_bytes = ceiling_bytes;
}

async::Task<void> StatusService::end() {
  scope_.cancel();
  co_await scope_.join();
  complaints_.end();
}

async::Task<void> StatusService::take_samples() {
  while (true) {
    recent_.take(view_);
    const Status slept =
        co_await async::sleep_until(after(view_.scheduler.now(), Recent::interval));
    if (!slept) co_return;
  }
}

void StatusService::answer(const net::HttpRequest& request, net::HttpReply& reply) {
  using codec::http::Method;
  if (request.head.method != Method::get && request.head.method != Method::head) {
    reply.allow = "GET, HEAD";
    return reply.say(405, "only GET and HEAD: this shows, and changes nothing");
  }
  const std::string_view path = request.head.path;
  if (path == "/metrics") return answer_metrics(view_, reply);
  if (path == "/livez") return reply.say(200, "alive");
  if (path == "/readyz") return answer_ready(view_, reply);
  if (path == "/api/v1/pipeline") {
    reply.content_type = "application/json";
    reply.more = write_pipeline(view_, recent_, complaints_, reply.room, reply.size, reply.cursor);
    return;
  }
  if (path == "/") return reply.say(200, index_text);
  reply.say(404, "there is nothing here; / lists what there is");
}

std::string listen_warning(const AgentSettings& settings) {
  if (settings.listen.family == io::Family::none || is_loopback(settings.listen)) return {};
  return concat("agent.listen is ", settings.listen,
                ": whoever reaches this address can read the agent's names and counters; 127.0.0.1 "
                "or [::1] keeps it on this machine");
}

}  // namespace runnel::agent
