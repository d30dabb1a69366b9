// The judge after a crash: what had to survive has, and no checkpoint claims more than the sinks
// hold.
#include <algorithm>

#include "base/text.hpp"
#include "sources/tail/positions.hpp"
#include "tests/sim/swarm/custody.hpp"

namespace runnel::swarm {

void Checker::power_was_lost(std::uint32_t life) {
  for (SinkState& sink : sinks_) sink.outputs.power_was_lost();
  look(life);
}

void Checker::check_survivors(std::size_t index, std::uint32_t life, std::uint64_t at_least) {
  std::uint64_t survived = 0;
  for (const auto& [serial, file] : sinks_[index].outputs.files())
    if (file.life == life) survived += file.count();
  if (survived < at_least)
    report(Verdict::sync_promise,
           concat("sink k", index, ", life ", life, ": ", at_least,
                  " events were written longer ago than fsync allows, ", survived, " survived"));
}

void Checker::check_checkpoints(bool after_power_loss) {
  for (std::size_t source = 0; source < scenario_.sources.size(); ++source)
    if (scenario_.sources[source].kind == SourceKind::tail)
      check_checkpoint(source, after_power_loss);
}

namespace {

std::optional<std::string> checkpoint_text(sim::SimMachine& machine, std::size_t source) {
  const auto text = machine.files().text(concat("/state/tail-s", source, ".checkpoint"));
  if (!text) return std::nullopt;
  return *text;
}

}  // namespace

void Checker::check_checkpoint(std::size_t source, bool after_power_loss) {
  const auto text = checkpoint_text(machine_, source);
  if (!text) return;
  using namespace sources::tail;
  const PositionsRead read = read_positions(*text, [&](const SavedPosition& position) {
    const LogFile* file = logs_.with_inode(static_cast<sim::Inode>(position.inode));
    if (file == nullptr) return true;
    // What was written down of a file that is another one by now claims nothing.
    const std::string content = machine_.files().text(file->path).value_or("");
    if (!position.fingerprint.matches(as_bytes(content)) || file->truncations > 0) return true;
    for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
      if (!scenario_.feeds(source, sink) || scenario_.drops(scenario_.sinks[sink].channel))
        continue;
      const Seen& seen = had(sink);
      for (const LogFile::Line& line : file->lines) {
        if (line.end > position.offset) break;
        if (is_in(seen, file->stream, line.number)) continue;
        // Or with the journal in between.
        const std::size_t channel = scenario_.sinks[sink].channel;
        if (custody_.owes(channel, file->stream, line.number) ||
            custody_.excuses(channel, file->stream, line.number))
          continue;
        report(Verdict::checkpoint_ahead,
               concat("the checkpoint says ", position.offset, " of ", file->path,
                      after_power_loss ? " after a power loss" : " after a kill", ", but sink k",
                      sink, " has not, nor its channel, ", name({file->stream, line.number})));
        return true;
      }
    }
    return true;
  });
  if (read == PositionsRead::damaged)
    report(Verdict::checkpoint_ahead,
           concat("the checkpoint of s", source, " is damaged after a crash"));
}

void Checker::excuse_unknown_rotations() {
  for (std::size_t source = 0; source < scenario_.sources.size(); ++source) {
    const SourceScenario& tail = scenario_.sources[source];
    if (tail.kind != SourceKind::tail || tail.matches_rotated) continue;
    std::vector<std::pair<std::uint64_t, sources::tail::Fingerprint>> known;
    if (const auto text = checkpoint_text(machine_, source))
      (void)sources::tail::read_positions(*text, [&](const sources::tail::SavedPosition& each) {
        known.emplace_back(each.inode, each.fingerprint);
        return true;
      });
    for (LogFile& file : logs_.all) {
      if (!file.there || file.source != source || file.path.ends_with(".log")) continue;
      // By its content, too: the inode number may have been that of a file that was deleted.
      const std::string content = machine_.files().text(file.path).value_or("");
      const bool is_known = std::any_of(known.begin(), known.end(), [&](const auto& each) {
        return each.first == file.inode && each.second.matches(as_bytes(content));
      });
      if (is_known) continue;
      for (const LogFile::Line& line : file.lines) ledger_.stream(file.stream).excuse(line.number);
    }
  }
}

}  // namespace runnel::swarm
