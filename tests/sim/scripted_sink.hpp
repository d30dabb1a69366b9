// A sink whose answers a test scripts, and that remembers what it was asked to deliver.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "pipeline/sink.hpp"

namespace runnel::sim {

class ScriptedSink final : public pipeline::Sink {
 public:
  async::Task<pipeline::Started> start() override { co_return pipeline::Started(); }
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override {
    attempts.emplace_back(as_text(frame.wire));
    keys.push_back(frame.key);
    ids.push_back(frame.id);
    pipeline::Delivery answer = usual;
    if (judge) {
      answer = judge(attempts.back());
    } else if (!answers.empty()) {
      answer = answers.front();
      answers.pop_front();
    }
    if (answer.outcome != pipeline::Delivery::Outcome::retry) delivered += attempts.back();
    co_return answer;
  }
  async::Task<void> shut() override {
    shut_down = true;
    co_return;
  }
  std::uint64_t partition(const pipeline::Record& record) override {
    const auto host = record.headers().find("host");
    return host ? static_cast<std::uint64_t>((*host)[0]) : 0;
  }

  pipeline::Delivery (*judge)(std::string_view wire) = nullptr;
  std::deque<pipeline::Delivery> answers;  // of the next deliveries
  pipeline::Delivery usual;                // of those behind them
  std::vector<std::string> attempts;
  std::vector<std::uint64_t> keys;
  std::vector<pipeline::BatchId> ids;
  std::string delivered;
  bool shut_down = false;
};

}  // namespace runnel::sim
