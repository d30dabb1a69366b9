// The file sink at work. Two tasks: the runner's, which delivers frames, and the keeper, which
// makes them durable and closes files when their time has come. `delivering_` is held by whoever
// touches the table of files or appends; `structure_` by whoever syncs or closes, so that no handle
// is closed while a sync on it is under way. They are entered in this order.
//
// A frame is durable when every file with bytes before the written position is. A sync that fails
// is not tried again on the same file, because the kernel may have thrown the pages away: the file
// is cut to what was durable before, and the channel delivers everything unsettled once more, into
// a new one.
#pragma once

#include <optional>

#include "async/gate.hpp"
#include "async/scope.hpp"
#include "base/log.hpp"
#include "pipeline/component.hpp"
#include "sinks/file/output_file.hpp"
#include "sinks/file/settings.hpp"

namespace runnel::sinks {

struct FileMemory {
  std::span<OutputFile> files;
  std::span<HeaderValues> partitions;  // of the batch at hand; empty without headers
  std::span<PathText> oldest;          // for retention; empty without
};

class FileSink final : public pipeline::Sink {
 public:
  static FileMemory carve(Region& region, const FileSettings& settings);
  FileSink(pipeline::SinkContext& context, const FileSettings& settings, const FileMemory& memory);

  async::Task<pipeline::Started> start() override;
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;
  std::uint64_t partition(const pipeline::Record& record) override;

 private:
  // file_sink.cpp: delivering.
  async::Task<Status> write(const pipeline::Frame& frame);
  async::Task<Status> choose(const pipeline::Frame& frame, OutputFile*& chosen);
  async::Task<Status> open(OutputFile& file);
  async::Task<Result<io::Handle>> open_unfinished(OutputFile& file);
  async::Task<Status> end_file(OutputFile& file);
  bool is_withdrawn(const pipeline::Frame& frame) const {
    return frame.rewinds != context_.subscription.rewinds();
  }
  const HeaderValues& values_of(std::uint64_t key) const;
  bool has_no_room_for(const OutputFile& file, const pipeline::Frame& frame) const;
  void note_success();
  void note_failure(Error error, std::string_view path);

  // closing.cpp: one file's end. The caller is inside `structure_`.
  async::Task<Status> finish(OutputFile& file);
  async::Task<Status> make_durable(OutputFile& file);
  async::Task<Status> remove_empty(OutputFile& file);
  async::Task<void> abandon(OutputFile& file);
  async::Task<void> give_up_missing(OutputFile& file);
  async::Task<void> close(OutputFile& file);
  void release(OutputFile& file, bool keep_as_own);

  // keeper.cpp: what time and the channel ask for.
  async::Task<void> keep();
  async::Task<Status> sync_all();
  async::Task<Status> close_due(OutputFile& file);
  void settle_what_is_durable();
  Instant sync_due();
  Instant close_due_at(const OutputFile& file) const;
  bool settles() const { return settings_.fsync != Fsync::never; }

  pipeline::SinkContext& context_;
  FileSettings settings_;
  FileMemory memory_;
  HeaderValues unknown_;
  std::size_t partition_count_ = 0;
  std::size_t last_partition_ = 0;
  bool partitions_are_old_ = false;

  PathText wanted_;  // the path of the frame at hand
  PathText last_finished_;
  std::uint32_t last_number_ = 0;

  async::Gate delivering_;
  async::Gate structure_;
  std::optional<async::Scope> keeper_;
  bool stopping_ = false;
  bool retention_due_ = false;
  Instant unsettled_since_ = never;
  Instant sync_not_before_ = Instant::min();
  Instant close_not_before_ = Instant::min();
  Duration sync_pause_ = Duration::zero();
  bool out_of_space_ = false;
  Occasional complaint_;

  // Finished files that are still listed as our own, the oldest to go first.
  struct Own {
    std::uint64_t device = 0, inode = 0;
  };
  static constexpr std::size_t own_files_kept = 32;
  std::array<Own, own_files_kept> own_;
  std::size_t own_next_ = 0;
  std::size_t own_count_ = 0;
};

}  // namespace runnel::sinks
