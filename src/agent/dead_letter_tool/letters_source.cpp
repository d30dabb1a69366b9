// The source of `runnel dead-letter send`: the letters of some files, once.
#include "agent/dead_letter_tool/tool.hpp"
#include "async/operations.hpp"
#include "pipeline/dead_letter.hpp"

namespace runnel::agent::dead_letter_tool {
namespace {

using async::Task;
using pipeline::DeadLetter;
using pipeline::DeadLetterReader;
using pipeline::SourceContext;

struct LettersSettings {
  std::vector<std::string> files;
  std::string source;
  std::size_t record_bytes_max = 0;
};
struct LettersMemory {
  MutableBytes headers;
};

class LettersSource final : public pipeline::PollingSource {
 public:
  static constexpr std::uint32_t turn_events_max = 256;

  static LettersMemory carve(Region& region, const LettersSettings&) {
    region.frames(6, 1024);
    region.handles(1);
    return {region.bytes(marking_bytes, "headers")};
  }
  LettersSource(SourceContext& context, const LettersSettings& settings,
                const LettersMemory& memory)
      : PollingSource(context), settings_(settings), memory_(memory) {}
  ~LettersSource() override { close(); }

  Task<pipeline::Started> start() override { co_return pipeline::Started(); }
  bool exhausted() const override { return next_file_ == settings_.files.size() && !reader_; }
  Task<void> wait_for_work() override { co_return; }
  Task<void> finish() override { co_return; }

  Task<Result<std::uint32_t>> poll() override {
    std::uint32_t count = 0;
    while (count < turn_events_max && !exhausted()) {
      if (!reader_) {
        const Status opened = co_await open(settings_.files[next_file_].c_str());
        if (!opened) co_return fail(opened.error());
      }
      const auto step = reader_->next();
      if (step == DeadLetterReader::Step::end) {
        close();
        ++next_file_;
      } else if (step == DeadLetterReader::Step::read) {
        const auto got = co_await async::read(file_, reader_->room(), reader_->read_at());
        if (!got) co_return fail(got.error());
        reader_->filled(*got);
      } else if (source_of(reader_->letter()) == settings_.source) {
        const Status put = co_await put_letter();
        if (!put) co_return fail(put.error());
        ++count;
      }
    }
    co_return count;
  }

 private:
  static constexpr std::size_t marking_bytes = 32;

  void close() {
    if (file_ != io::Handle::none) context().reactor().discard(file_);
    file_ = io::Handle::none;
    reader_.reset();
  }

  Task<Status> open(const char* path) {
    const auto opened = co_await async::open(path, io::OpenMode::read);
    if (!opened) co_return opened.error();
    file_ = *opened;
    io::FileInfo info;
    const Status known = co_await async::stat(file_, info);
    if (!known) co_return known;
    reader_.emplace(info.size);
    co_return Status();
  }

  // The letter stays what it is until the next step of the reader.
  Task<Status> put_letter() {
    const DeadLetter& letter = reader_->letter();
    pipeline::Event event;
    event.time = pipeline::Time::stated(letter.time);
    event.severity = letter.severity;
    event.headers = letter.headers;
    event.body = letter.body;
    // Counted from 1970, as every encoder does with such times; a full list goes without.
    pipeline::HeaderWriter marking(memory_.headers);
    if (!letter.clock_known && !letter.headers.find("clock") &&
        letter.headers.encoded().size() + marking_bytes <= pipeline::Headers::bytes_max) {
      marking.add("clock", "since boot");
      event.context = marking.headers();
    }
    for (;;) {
      pipeline::Turn turn;
      const Status room = co_await context().outlet.writable(pipeline::record_bytes(event), turn);
      if (!room) co_return room;
      pipeline::OutletPut put = context().outlet.put(turn);
      const Status appended = put.append(event);
      put.commit();
      if (appended) co_return Status();
    }
  }

  const LettersSettings& settings_;
  LettersMemory memory_;
  std::size_t next_file_ = 0;
  io::Handle file_ = io::Handle::none;
  std::optional<DeadLetterReader> reader_;
};

class LettersPlan final : public pipeline::SourcePlan {
 public:
  explicit LettersPlan(LettersSettings settings) : settings_(std::move(settings)) {}
  pipeline::Source* build(Region& region, SourceContext* context) override {
    return pipeline::build_component<LettersSource, pipeline::Source>(region, context, settings_);
  }
  std::size_t record_bytes_max() const override { return settings_.record_bytes_max; }

 private:
  LettersSettings settings_;
};

}  // namespace

const pipeline::SourceType letters_type = {
    .name = "dead-letter",
    .activity = pipeline::Activity::active,
    .summary = "dead letters that are sent again",
    .options = {},
    .plan = nullptr,
};

std::unique_ptr<pipeline::SourcePlan> plan_letters(const std::vector<std::string>& files,
                                                   const std::string& source,
                                                   std::size_t record_bytes_max) {
  return std::make_unique<LettersPlan>(LettersSettings{files, source, record_bytes_max});
}

}  // namespace runnel::agent::dead_letter_tool
