// What the contract suite needs of a driver: a reactor, a system and an empty folder. Every test
// case makes a driver of its own, so nothing is carried from one to the next. A driver adds a file
// with its make function and a row in drivers.cpp; the tests themselves are the same for all.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "io/reactor.hpp"
#include "io/system.hpp"

namespace runnel::contract {

struct DriverUnderTest {
  virtual ~DriverUnderTest() = default;
  virtual io::Reactor& reactor() = 0;
  virtual io::System& system() = 0;
  // The path of an existing, empty folder in this driver's file system, without a slash at its end.
  virtual std::string scratch() = 0;
  // Zero, page aligned, alive until the process ends.
  virtual MutableBytes memory(std::size_t bytes);
};

// Null when this machine refuses the driver; then `why_not` says why in one line.
using MakeDriver = std::unique_ptr<DriverUnderTest> (*)(std::string& why_not);

struct DriverRow {
  const char* name;
  MakeDriver make;
};
std::span<const DriverRow> drivers();

// The row that the environment variable RUNNEL_DRIVER names.
const DriverRow& chosen_driver();

// For drivers on the real file system: a folder below the temporary one, removed with all that is
// in it at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace runnel::contract
