// A Kafka library for tests: no brokers, only what the test says becomes of each message, and when.
// The bell is a watched folder of the simulated machine, in which something changes.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "net/kafka.hpp"
#include "tests/sim/sink_world.hpp"

namespace runnel::sim {

class FakeCluster final : public net::KafkaLibrary {
 public:
  using Verdict = net::KafkaReport::Verdict;
  struct Message {
    std::string topic, key, headers, value;
    bool has_key = false;
    std::optional<std::int64_t> timestamp_ms;
    std::uint32_t tag = 0;
  };
  struct Answer {
    Verdict verdict = Verdict::delivered;
    Error error = Error::none;
    Duration after = 1ms;
    bool never = false;
  };

  explicit FakeCluster(PipelineProcess& process) : process_(process) {
    REQUIRE(process.system.make_folders("/bell").ok());
    process.network.kafka = this;
  }
  Built<std::unique_ptr<net::KafkaProducer>> open(const net::KafkaSettings& settings) override {
    opened = settings;
    if (!problem_at_open.empty()) return problem(problem_at_open);
    return std::make_unique<Producer>(*this);
  }

  // What becomes of a message; `sent` has all of them up to this one.
  std::function<Answer(const Message&)> judge = [](const Message&) { return Answer(); };
  std::string problem_at_open;
  std::string trouble;      // complaint of the producer
  std::size_t room = 1000;  // messages under way before `no_room`
  std::size_t value_max = 10'000;
  bool broken = false;

  net::KafkaSettings opened;
  std::vector<Message> sent;         // in the order in which they were
  std::vector<std::string> arrived;  // values that were delivered
  std::size_t under_way = 0, under_way_most = 0, gave_up = 0, renewed = 0, ended = 0;

  // Values that were sent, from `from` on.
  std::vector<std::string> values(std::size_t from = 0) const {
    std::vector<std::string> all;
    for (std::size_t at = from; at < sent.size(); ++at) all.push_back(sent[at].value);
    return all;
  }

 private:
  class Producer final : public net::KafkaProducer {
   public:
    explicit Producer(FakeCluster& cluster) : cluster_(cluster) {
      bell_ = *cluster.process_.machine.open_watcher();
      REQUIRE(cluster.process_.machine.watch(bell_, "/bell").has_value());
    }
    ~Producer() override { ++cluster_.ended; }
    io::Handle watched() const override { return bell_; }
    Status send(const net::KafkaMessage& message) override {
      if (cluster_.broken) return Error::not_available;
      if (cluster_.under_way >= cluster_.room) return Error::no_room;
      if (message.value.size() > cluster_.value_max) return Error::too_large;
      Message& taken = cluster_.sent.emplace_back();
      taken.topic = message.topic;
      taken.has_key = message.key.has_value();
      if (message.key) taken.key = *message.key;
      net::each_kafka_header(message.headers, [&](std::string_view name, std::string_view value) {
        taken.headers += concat(taken.headers.empty() ? "" : ",", name, '=', value);
      });
      taken.value = as_text(message.value);
      taken.timestamp_ms = message.timestamp_ms;
      taken.tag = message.tag;
      const Answer answer = cluster_.judge(taken);
      ++cluster_.under_way;
      cluster_.under_way_most = std::max(cluster_.under_way_most, cluster_.under_way);
      waiting_.push_back({taken.tag, generation_});
      if (!answer.never) report(taken, answer);
      return {};
    }
    std::optional<net::KafkaReport> take_report() override {
      cluster_.process_.machine.take_changes(bell_, [](const io::Change&) {});
      if (reports_.empty()) return std::nullopt;
      const net::KafkaReport next = reports_.front();
      reports_.erase(reports_.begin());
      --cluster_.under_way;
      return next;
    }
    void give_up() override {
      ++cluster_.gave_up;
      for (const Waiting& each : std::vector<Waiting>(waiting_))
        finish(each.tag, each.generation, Verdict::failed, Error::closed);
    }
    bool is_broken() const override { return cluster_.broken; }
    Status renew() override {
      ++cluster_.renewed;
      ++generation_;
      cluster_.broken = false;
      cluster_.under_way = 0;
      waiting_.clear();
      reports_.clear();
      return {};
    }
    std::string_view complaint() const override { return cluster_.trouble; }
    void forget_complaint() override { cluster_.trouble.clear(); }

   private:
    struct Waiting {
      std::uint32_t tag;
      std::uint64_t generation;
      friend bool operator==(const Waiting&, const Waiting&) = default;
    };
    void report(const Message& message, const Answer& answer) {
      SimWorld& world = cluster_.process_.machine.world();
      world.at(after(world.now(), answer.after),
               [this, tag = message.tag, value = message.value, answer, generation = generation_] {
                 if (finish(tag, generation, answer.verdict, answer.error) &&
                     answer.verdict == Verdict::delivered)
                   cluster_.arrived.push_back(value);
               });
    }
    bool finish(std::uint32_t tag, std::uint64_t generation, Verdict verdict, Error error) {
      const auto found = std::find(waiting_.begin(), waiting_.end(), Waiting{tag, generation});
      if (found == waiting_.end()) return false;
      waiting_.erase(found);
      reports_.push_back({tag, verdict, error, "as the test says"});
      const std::string ring = std::to_string(++rings_);
      REQUIRE(cluster_.process_.machine.files().put("/bell/rung", ring).ok());
      return true;
    }

    FakeCluster& cluster_;
    io::Handle bell_;
    std::vector<Waiting> waiting_;
    std::vector<net::KafkaReport> reports_;
    std::uint64_t generation_ = 0, rings_ = 0;
  };

  PipelineProcess& process_;
};

}  // namespace runnel::sim
