#include "agent/status/last_complaints.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace runnel::agent {

std::span<LastComplaints::Complaint> LastComplaints::carve(Region& region, std::size_t components) {
  return region.array<Complaint>(components, "last complaints");
}

void LastComplaints::begin() {
  RUNNEL_ASSERT(!begun_);
  begun_ = true;
  log_ = log_output;
  log_output = this;
}

void LastComplaints::end() {
  if (begun_ && log_output == this) log_output = log_;
  begun_ = false;
}

void LastComplaints::write(Level level, std::string_view component, std::string_view text) {
  if (log_ != nullptr) log_->write(level, component, text);
  if (level < Level::warn) return;
  for (std::size_t index = 0; index < complaints_.size(); ++index) {
    if (view_.label(index) != component) continue;
    Complaint& complaint = complaints_[index];
    complaint.at = view_.scheduler.now();
    complaint.level = level;
    complaint.size = static_cast<std::uint16_t>(std::min(text.size(), text_bytes_max));
    std::memcpy(complaint.bytes, text.data(), complaint.size);
    return;
  }
}

void LastComplaints::status(std::string_view text) {
  if (log_ != nullptr) log_->status(text);
}

}  // namespace runnel::agent
