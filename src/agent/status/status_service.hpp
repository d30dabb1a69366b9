// What `[agent] listen` serves, over HTTP on one address, to whoever may look and nothing more:
//   /metrics          Prometheus' text format
//   /livez            200 while the loop turns
//   /readyz           200 while events flow; 503 while the agent starts or stops
//   /api/v1/pipeline  JSON: components, what went through them lately, fill, places, complaints
// From before the components start until after they have stopped. All memory is planned, under
// "agent.listen". There is no way to say who may ask: the address is what keeps others out.
#pragma once

#include <optional>
#include <string>

#include "agent/status/last_complaints.hpp"
#include "agent/status/recent.hpp"
#include "agent/status/view.hpp"
#include "net/http_server.hpp"
#include "pipeline/context.hpp"

namespace runnel::agent {

inline constexpr const char* status_name = "agent.listen";

struct StatusMemory {
  net::HttpServerMemory http;
  Recent recent;
  std::span<LastComplaints::Complaint> complaints;
};

class StatusService final : public net::HttpHandler {
 public:
  static StatusMemory carve(Region& region, const Settings& settings);
  StatusService(const StatusView& view, const StatusMemory& memory);
  ~StatusService() override = default;
  StatusService(const StatusService&) = delete;
  StatusService& operator=(const StatusService&) = delete;

  // Listens and serves.
  pipeline::Started start();
  void is_ready(std::size_t ceiling_bytes);
  // Ends all connections.
  async::Task<void> end();

  void answer(const net::HttpRequest& request, net::HttpReply& reply) override;

 private:
  async::Task<void> take_samples();

  StatusView view_;
  Recent recent_;
  LastComplaints complaints_;
  net::HttpServerSettings http_settings_;
  async::Scope scope_;
  net::HttpServer http_;
};

// What a person should know of the address; empty: nothing.
std::string listen_warning(const AgentSettings& settings);

}  // namespace runnel::agent
