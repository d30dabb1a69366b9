// The last warning or error that each component has logged, for whoever asks what is wrong with it.
// Stands in front of the log and hands everything on. Lines that are longer are cut.
#pragma once

#include <span>
#include <string_view>

#include "agent/status/view.hpp"
#include "base/log.hpp"
#include "base/region.hpp"

namespace runnel::agent {

class LastComplaints final : public LogOutput {
 public:
  static constexpr std::size_t text_bytes_max = 160;

  struct Complaint {
    Instant at;
    Level level = Level::warn;
    std::uint16_t size = 0;  // 0: there was none
    char bytes[text_bytes_max];
    std::string_view text() const { return {bytes, size}; }
  };

  static std::span<Complaint> carve(Region& region, std::size_t components);
  LastComplaints(const StatusView& view, std::span<Complaint> complaints)
      : view_(view), complaints_(complaints) {}
  ~LastComplaints() override { end(); }
  LastComplaints(const LastComplaints&) = delete;
  LastComplaints& operator=(const LastComplaints&) = delete;

  void begin();
  void end();  // the log is as it was before
  const Complaint& of(std::size_t component) const { return complaints_[component]; }

  void write(Level level, std::string_view component, std::string_view text) override;
  void status(std::string_view text) override;

 private:
  const StatusView& view_;
  std::span<Complaint> complaints_;
  LogOutput* log_ = nullptr;
  bool begun_ = false;
};

}  // namespace runnel::agent
