// Where the dead letters of one sink lie: FOLDER/SINK.dead, and FOLDER/SINK.dead.1 with those from
// before it. Each grows to half of `bytes_max`; then the older one is given up, and its letters are
// counted as dropped. What `append` has said is written survives a power cut; a tail that one has
// torn is cut off at the next start.
//
// FOLDER/SINK.dead.lock is held while the agent runs, so that nobody sends letters meanwhile.
// Nothing here waits for a disk to get better: what cannot be written is the caller's to count.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.hpp"
#include "base/text.hpp"
#include "pipeline/context.hpp"

namespace runnel::pipeline {

struct DeadLetterSettings {
  static constexpr std::size_t folder_bytes_max = 512;
  std::string folder;  // empty: refused events are only counted
  std::uint64_t bytes_max = 16u << 20;
  bool on() const { return !folder.empty(); }
};

using DeadLetterPath = Text<DeadLetterSettings::folder_bytes_max + 128>;

// The files of a sink. `sink` is its name in the configuration.
struct DeadLetterPaths {
  DeadLetterPaths(std::string_view folder, std::string_view sink);
  DeadLetterPath current, previous, lock;
};

class DeadLetterFile {
 public:
  DeadLetterFile(SinkContext& context, const DeadLetterSettings& settings);
  DeadLetterFile(const DeadLetterFile&) = delete;
  DeadLetterFile& operator=(const DeadLetterFile&) = delete;
  ~DeadLetterFile() { close(); }

  bool on() const { return settings_.on(); }
  // Makes the folder (0700) and the file (0600), locks them, cuts off a torn tail. Allocates.
  async::Task<Started> start();
  // Whole letters, at most `append_bytes_max` of them at once; Ok: they are durable.
  async::Task<Status> append(Bytes letters, std::uint64_t count);
  std::size_t append_bytes_max() const { return static_cast<std::size_t>(settings_.bytes_max / 2); }
  void close();

  std::string_view path() const { return paths_.current.text(); }
  std::string_view sink() const { return sink_; }

 private:
  async::Task<Result<std::uint64_t>> open(DeadLetterPath& path, io::Handle& file);
  async::Task<Status> examine(io::Handle file, std::uint64_t file_bytes);
  async::Task<Status> see_that_it_is_there();
  async::Task<Status> rotate();
  async::Task<Status> open_fresh();
  async::Task<Status> write(Bytes letters);
  async::Task<Status> sync_folder();
  Started refuse(std::string_view what, Error error) const;

  SinkContext& context_;
  DeadLetterSettings settings_;
  std::string_view sink_;
  DeadLetterPaths paths_;
  io::Handle lock_ = io::Handle::none;
  io::Handle file_ = io::Handle::none;
  std::uint64_t device_ = 0, inode_ = 0;
  std::uint64_t size_ = 0;     // of whole letters in the current file
  std::uint64_t letters_ = 0;  // in it
  std::uint64_t previous_letters_ = 0;
  std::uint64_t found_ = 0;  // by the last `examine`
  std::uint64_t found_end_ = 0;
};

}  // namespace runnel::pipeline
