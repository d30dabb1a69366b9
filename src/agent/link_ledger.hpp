// What a link with a monthly cap has carried, kept over restarts and told in time: `link-NAME` in
// state_dir.
//
//   runnel link 1
//   month 24322                 months since year 0
//   bytes 123456789             that went out in it
//   sum 1234567890              CRC-32C of the lines before
//
// It is written at every hundredth of the cap, within an hour of a byte that it does not have, and
// at a stop: what a power cut can take from the count is less than both.
#pragma once

#include "async/task.hpp"
#include "base/log.hpp"
#include "base/region.hpp"
#include "io/system.hpp"
#include "pipeline/context.hpp"
#include "pipeline/shared_link.hpp"

namespace runnel::agent {

class LinkLedger {
 public:
  static void plan(Region& region);
  // All of them outlive it. `name` is "links.NAME".
  LinkLedger(const char* name, pipeline::SharedLink& link, const std::string& state_dir,
             async::Scheduler& scheduler, io::System& system);

  // Before anything goes out. What cannot be read is told and counted anew.
  pipeline::Started load();
  // Until cancelled.
  async::Task<void> keep();
  // The last of it.
  async::Task<void> save();

  struct Count {
    std::int32_t month = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Count&) const = default;
  };
  // The text of the file and the way back; nothing when it is damaged.
  static void write(TextWriter& out, const Count& count);
  static std::optional<Count> parse(std::string_view text);

 private:
  void tell();
  Count count() const;

  const char* const name_;
  pipeline::SharedLink& link_;
  const std::string& state_dir_;
  async::Scheduler& scheduler_;
  io::System& system_;
  Text<1200> path_, fresh_path_;
  Count saved_;
  std::uint64_t told_percent_ = 0;  // of what `told_month_` may carry
  std::int32_t told_month_ = 0;
  Occasional complaint_;
};

}  // namespace runnel::agent
