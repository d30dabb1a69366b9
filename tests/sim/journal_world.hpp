// A process with a journal below its channel, on a machine that may be killed and started again.
#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channels/journal/journal.hpp"
#include "tests/sim/source_world.hpp"
#include "tests/support/unaccounted.hpp"

namespace runnel::sim {

inline constexpr const char* journal_path = "/spool/main.journal";

// Small: what matters happens after a few events.
inline pipeline::Checked<pipeline::ChannelSettings> plan_journal(const OptionTexts& texts) {
  OptionTexts all = {{"path", journal_path},  {"size", "1MiB"},      {"memory", "256KiB"},
                     {"block_bytes", "8KiB"}, {"block_age", "20ms"}, {"cursor_interval", "50ms"}};
  all.insert(all.end(), texts.begin(), texts.end());
  pipeline::OptionValues values;
  for (const auto& [name, text] : all)
    for (const pipeline::Option& option : channels::journal_type.options)
      if (option.name == name) values.set(name, pipeline::parse_option(option, text).value());
  pipeline::fill_standard(channels::journal_type.options, values);
  return channels::journal_type.plan(values);
}

class JournalProcess : public PipelineProcess {
 public:
  explicit JournalProcess(SimMachine& on, const OptionTexts& texts = {})
      : JournalProcess(on, texts, Unaccounted()) {}

  // Left as it stood when it was killed.
  static void kill(std::unique_ptr<JournalProcess> process, bool power_loss) {
    process->PipelineProcess::kill(power_loss);
    process->bury();
    (void)process.release();
  }

  pipeline::Started open() {
    const Unaccounted may_be_killed;
    auto started = complete(store->start());
    if (started) spawn(store->run());
    return started;
  }
  void put_numbers(int from, int until, std::size_t size = 100) {
    for (int number = from; number < until; ++number) put(body_of(number, size));
  }
  static std::string body_of(int number, std::size_t size) {
    std::string body = std::to_string(number) + " ";
    // Not the same bytes again and again: blocks are to have a size on disk.
    std::uint32_t noise = static_cast<std::uint32_t>(number) * 2654435761u + 1;
    while (body.size() < size) {
      noise = noise * 1664525u + 1013904223u;
      body += static_cast<char>('a' + (noise >> 24) % 26);
    }
    return body;
  }
  static int number_of(const SeenEvent& event) {
    int number = -1;
    std::from_chars(event.body.data(), event.body.data() + event.body.size(), number);
    return number;
  }
  std::vector<int> numbers() const {
    std::vector<int> all;
    for (const SeenEvent& event : seen) all.push_back(number_of(event));
    return all;
  }
  const pipeline::ChannelCounters& counters() const { return channel->counters(); }
  void shut() {
    channel->close(true);
    (void)complete(store->shut());
    stop();
  }

 private:
  JournalProcess(SimMachine& on, const OptionTexts& texts, const Unaccounted&)
      : PipelineProcess(on, plan_journal(texts).value()) {}
};

// Started, or the test fails.
inline std::unique_ptr<JournalProcess> opened(SimMachine& machine, const OptionTexts& texts = {}) {
  auto process = std::make_unique<JournalProcess>(machine, texts);
  const auto started = process->open();
  if (!started) FAIL(started.error().text);
  return process;
}

inline std::vector<int> numbers_from(int from, int until) {
  std::vector<int> all;
  for (int number = from; number < until; ++number) all.push_back(number);
  return all;
}

}  // namespace runnel::sim
