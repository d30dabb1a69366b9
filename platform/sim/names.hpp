// The simulator's name servers, and the library of a process that asks them. `SimZone` is what
// the servers know; it belongs to the test and outlives processes. `SimNames` answers from it by
// the clock and the seed: late, not at all, or wrongly, as the world's options and the zone say.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/name_service.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {

class SimZone {
 public:
  // Takes the place of what there was. `ip`: "192.0.2.1", "2001:db8::1"; none: a name without.
  void set(const std::string& name, const std::vector<std::string>& ips, Duration time_to_live);
  void remove(const std::string& name) { records_.erase(name); }

  // As long as it is false nobody answers, whatever is asked.
  bool reachable = true;
  // Questions for addresses of this family are swallowed, as some home routers do.
  io::Family swallowed = io::Family::none;

 private:
  friend class SimNames;
  struct Record {
    std::vector<io::Address> addresses;
    Duration time_to_live;
  };
  std::map<std::string, Record> records_;
};

class SimNames final : public net::NameService {
 public:
  SimNames(SimWorld& world, SimZone& zone, std::size_t questions_max = 32)
      : world_(world), zone_(zone), questions_max_(questions_max) {}

  Status ask(net::NameQuestion& question, Instant now) override;
  void drop(net::NameQuestion& question) override;
  io::Handle watched() const override { return io::Handle::none; }
  Instant wake_at(Instant now) override;
  void process(Instant now) override;

  std::uint64_t asked() const { return asked_; }
  std::size_t open() const { return pending_.size() / 2 + pending_.size() % 2; }

 private:
  struct Pending {
    net::NameQuestion* question;
    io::Family family;
    Instant due;
    bool lost;
  };
  void begin(net::NameQuestion& question, io::Family family, Instant now);
  void answer(const Pending& pending) const;

  SimWorld& world_;
  SimZone& zone_;
  std::size_t questions_max_;
  std::vector<Pending> pending_;
  std::uint64_t asked_ = 0;
};

}  // namespace runnel::sim
