#include "pipeline/event.hpp"

#include <algorithm>

namespace runnel::pipeline {

void HeaderWriter::add(std::string_view key, std::string_view value) {
  const std::size_t room = std::min(buffer_.size(), Headers::bytes_max) - size_;
  const std::size_t entry = Headers::entry_overhead + key.size() + value.size();
  if (key.empty() || key.size() > 255 || value.size() > 0xFFFF || entry > room) {
    cut_ = true;
    return;
  }
  std::byte* at = buffer_.data() + size_;
  *at = static_cast<std::byte>(key.size());
  store(at + 1, static_cast<std::uint16_t>(value.size()));
  std::memcpy(at + Headers::entry_overhead, key.data(), key.size());
  if (!value.empty())
    std::memcpy(at + Headers::entry_overhead + key.size(), value.data(), value.size());
  size_ += entry;
}

void HeaderWriter::add_encoded(Bytes entries) {
  const std::size_t room = std::min(buffer_.size(), Headers::bytes_max) - size_;
  if (entries.empty()) return;
  if (entries.size() > room) {
    cut_ = true;
    return;
  }
  std::memcpy(buffer_.data() + size_, entries.data(), entries.size());
  size_ += entries.size();
}

}  // namespace runnel::pipeline
