#include "sources/tail/tail.hpp"

#include <algorithm>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/canary.hpp"

namespace runnel::sources {
namespace tail {
namespace {

using pipeline::Headers;

// A turn of `poll` handles at most this many pieces before everything else gets its turn.
constexpr int steps_max = 2;
// Paths are mostly short; what does not fit is named and left out.
constexpr std::size_t path_bytes_planned = 192;
constexpr std::size_t path_bytes_spare = 8192;
constexpr std::size_t checkpoint_text_bytes = 16 * 1024;
static_assert(checkpoint_text_bytes > 2 * position_line_bytes_max);

std::size_t folders_max(const Settings& settings) {
  return std::max<std::size_t>(settings.files_max / 2, 64);
}

}  // namespace

Tail::Memory Tail::Memory::carve(Region& region, const Settings& settings) {
  const std::size_t files = settings.files_max, folders = folders_max(settings);
  const std::size_t remembered = 2 * files;
  Memory memory;
  memory.buffer = region.bytes(settings.buffer_bytes(), "read buffer");
  memory.path_text =
      region.bytes(files * path_bytes_planned + path_bytes_spare, "paths (files_max x 192 B)");
  memory.path_places =
      region.array<PathPool::Place>(2 * files + remembered + folders, "places of paths");
  memory.files.files = region.array<File>(files, "files");
  memory.files.inodes = region.array<std::uint64_t>(files, "files by inode");
  memory.files.path_hashes = region.array<std::uint64_t>(files, "files by path");
  memory.files.due = region.array<Instant>(files, "files by time");
  memory.folders = region.array<Folder>(folders, "watched folders");
  memory.remembered = region.array<RememberedFile>(remembered, "remembered positions");
  memory.checkpoint_text = region.array<char>(checkpoint_text_bytes, "checkpoint text");
  // poll, step, look, read; beside it the wait for room and the look at folders; a save: open,
  // write, sync.
  region.frames(14, 1024);
  region.handles(files + 3);
  return memory;
}

Tail::Tail(pipeline::SourceContext& context, const Settings& settings, const Memory& memory)
    : PollingSource(context),
      settings_(settings),
      buffer_(memory.buffer),
      checkpoint_text_(memory.checkpoint_text),
      paths_(memory.path_text, memory.path_places),
      files_(memory.files),
      folders_(context.system, memory.folders, paths_),
      remembered_(memory.remembered, paths_) {}

async::Task<pipeline::Started> Tail::start() {
  auto loaded = co_await load();
  if (!loaded) co_return loaded;
  if (const Status opened = folders_.open(); !opened)
    poll_from_now_on("any folder", opened.error());
  starting_ = true;
  adopt_remembered();
  scan();
  starting_ = false;
  log_info(context().name, files_.count(), " files, ", folders_.count(), " folders watched",
           keeps_positions() ? "" : "; no state_dir: positions are not kept");
  co_return pipeline::Started();
}

async::Task<Result<std::uint32_t>> Tail::poll() {
  look_around();
  files_.activate_due(context().now());
  co_await save_if_due();

  std::uint32_t events = 0;
  for (int steps = 0; steps < steps_max; ++steps) {
    stepped_ = files_.take_active();
    if (stepped_ == nullptr) break;
    const auto put = co_await step(*stepped_);
    stepped_ = nullptr;
    if (!put) co_return put;
    events += *put;
  }
  co_return events;
}

void Tail::look_around() {
  take_changes();
  const Instant now = context().now();
  if (rescan_ && now >= next_scan_) scan();
  if (!polling_ && links_ == 0) {
    next_poll_ = never;
  } else if (now >= next_poll_) {
    next_poll_ = after(now, settings_.poll_interval);
    polling_ ? scan() : poll_links();
  }
}

// When there is something to look for that nobody tells of.
Instant Tail::next_look() const { return rescan_ ? std::min(next_scan_, next_poll_) : next_poll_; }

async::Task<void> Tail::wait_for_work() {
  if (files_.any_active()) {
    // There is work, it only put nothing (the middle of a very long line).
    co_await async::yield();
    co_return;
  }
  if ((polling_ || links_ > 0) && next_poll_ == never)
    next_poll_ = after(context().now(), settings_.poll_interval);
  const Instant until = std::min({files_.next_due(), next_save_, next_look()});
  if (folders_.watcher() == io::Handle::none) {
    (void)co_await async::sleep_until(until);
    co_return;
  }
  const Status told = co_await async::ready(folders_.watcher(), until);
  if (told || told.error() == Error::timed_out || told.error() == Error::cancelled) co_return;
  folders_.close(context().reactor());
  poll_from_now_on("any folder", told.error());
}

bool Tail::exhausted() const { return context().once && unfinished_files_ == 0; }

async::Task<void> Tail::finish() {
  if (keeps_positions()) {
    settle();
    if (changed_ && !canary(Canary::last_checkpoint_skipped)) {
      const Status saved = co_await save();
      if (!saved)
        log_error(context().name, "cannot write ", checkpoint_path_.text(), ": ",
                  describe(saved.error()),
                  "; the next start reads again what was read since it was last written");
    }
  }
  for (File& file : files_.all()) {
    file.unlink();
    close(file);
  }
  folders_.close(context().reactor());
}

namespace {

class Plan final : public pipeline::SourcePlan {
 public:
  explicit Plan(Settings settings) : settings_(std::move(settings)) {}
  pipeline::Source* build(Region& region, pipeline::SourceContext* context) override {
    return pipeline::build_component<Tail, pipeline::Source>(region, context, settings_);
  }
  std::size_t record_bytes_max() const override {
    const std::size_t path = Headers::entry_overhead + settings_.header.size() + path_bytes_max;
    constexpr std::size_t cut = Headers::entry_overhead + sizeof("cut_bytes") + 20;
    return pipeline::record_bytes(path + cut, settings_.event_bytes_max);
  }
  bool reads(std::string_view path) const override { return settings_.names(path); }

 private:
  Settings settings_;
};

pipeline::Checked<std::unique_ptr<pipeline::SourcePlan>> plan(
    const pipeline::OptionValues& values) {
  auto settings = check(values);
  if (!settings) return tl::unexpected(settings.error());
  return std::make_unique<Plan>(std::move(*settings));
}

}  // namespace
}  // namespace tail

const pipeline::SourceType tail_type{
    .name = "tail",
    .activity = pipeline::Activity::active,
    .summary = "follows files that grow, line by line, through rotation and restarts",
    .options = tail::options(),
    .plan = tail::plan,
};

}  // namespace runnel::sources
