// `runnel dead-letter list`.
#include <algorithm>

#include "agent/dead_letter_tool/tool.hpp"
#include "agent/exit_codes.hpp"
#include "agent/journal_tool/file.hpp"
#include "base/text.hpp"
#include "codec/civil.hpp"

namespace runnel::agent::dead_letter_tool {

using journal_tool::File;
using pipeline::DeadLetter;
using pipeline::DeadLetterReader;

namespace {

constexpr std::size_t shown_bytes_max = 80;

// A terminal obeys what it is shown: everything but plain ASCII is written as \xNN.
void append_safe(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char each : text) {
    const auto value = static_cast<unsigned char>(each);
    if (each == '"' || each == '\\') {
      out += '\\';
      out += each;
    } else if (value >= 0x20 && value < 0x7F) {
      out += each;
    } else {
      out += "\\x";
      out += digits[value >> 4];
      out += digits[value & 15];
    }
  }
}
void append_quoted(std::string& out, std::string_view text) {
  out += " \"";
  append_safe(out, text.substr(0, shown_bytes_max));
  out += text.size() > shown_bytes_max ? "\"..." : "\"";
}

std::string line_of(const DeadLetter& letter) {
  codec::Rfc3339 rfc3339;
  std::string out(letter.clock_known ? rfc3339.text(letter.time) : "(clock unknown)");
  for (const std::string_view part : {letter.sink, letter.source, letter.batch}) {
    out += ' ';
    append_safe(out, part.empty() ? "-" : part);
  }
  append_quoted(out, letter.reason);
  append_quoted(out, as_text(letter.body));
  return out += '\n';
}

// False: the file could not be read, or nobody takes what is in it.
bool list_into(const std::string& path, std::string_view sink, Machine machine, Looked& sum) {
  bool taken = true;
  const auto looked = look_through(path, machine, [&](const DeadLetter& letter) {
    if (!sink.empty() && letter.sink != sink) return;
    ++sum.letters;
    taken = taken && machine.console.out(line_of(letter));
  });
  if (!looked) machine.console.say(concat(path, ": cannot be read: ", describe(looked.error())));
  if (!looked || !taken) return false;
  sum.damaged_bytes += looked->damaged_bytes + looked->torn_bytes;
  return true;
}

int conclude(std::string_view what, const Looked& sum, Machine machine) {
  std::string line = concat(what, ": ", sum.letters, " dead letters");
  if (sum.damaged_bytes > 0) line += concat("; ", sum.damaged_bytes, " bytes are damaged");
  machine.console.say(line);
  return sum.damaged_bytes > 0 ? exit_codes::damaged : exit_codes::ok;
}

}  // namespace

std::string_view source_of(const DeadLetter& letter) {
  return is_component_name(letter.source) ? letter.source : std::string_view("unknown");
}

Result<Looked> look_through(const std::string& path, Machine machine,
                            FunctionRef<void(const DeadLetter&)> each) {
  auto file = File::open(machine.reactor, path.c_str(), io::OpenMode::read);
  if (!file) return fail(file.error());
  const auto size = file->size();
  if (!size) return fail(size.error());
  DeadLetterReader reader(*size);
  for (auto step = reader.next(); step != DeadLetterReader::Step::end; step = reader.next()) {
    if (step == DeadLetterReader::Step::letter) {
      each(reader.letter());
      continue;
    }
    const auto got = file->read(reader.read_at(), reader.room());
    if (!got) return fail(got.error());
    reader.filled(*got);
  }
  return Looked{reader.letters(), reader.damaged_bytes(), *size - reader.whole_end(),
                reader.largest()};
}

bool is_letter_file(Machine machine, const std::string& path) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  for (const std::string_view ending : {".dead", ".dead.1", ".dead.sending.1", ".dead.sending.2"})
    if (name.ends_with(ending)) return true;
  auto file = File::open(machine.reactor, path.c_str(), io::OpenMode::read);
  std::byte begin[4] = {};
  return file && file->read(0, begin) && as_text(begin) == "RDL1";
}

int list_file(const DeadLetterRequest& request, Machine machine) {
  Looked sum;
  if (!list_into(request.path, request.sink, machine, sum)) return exit_codes::io;
  return conclude(request.path, sum, machine);
}

Built<std::vector<const SinkConfig*>> chosen_sinks(const DeadLetterRequest& request,
                                                   const Settings& settings) {
  std::vector<const SinkConfig*> chosen;
  for (const SinkConfig& sink : settings.sinks) {
    if (!sink.plan->delivery.dead_letter.on()) continue;
    if (request.sink.empty() || request.sink == sink.name_in_file()) chosen.push_back(&sink);
  }
  if (!chosen.empty()) return chosen;
  if (request.sink.empty())
    return problem(concat(request.path, ": no sink keeps dead letters; see dead_letter.dir"),
                   exit_codes::configuration);
  return problem(
      concat(request.path, ": there is no sink \"", request.sink, "\" that keeps dead letters"),
      exit_codes::configuration);
}

bool exists(Machine machine, const std::string& path) {
  return machine.system.file_info(path.c_str()).has_value();
}

std::vector<std::string> files_of(const SinkConfig& sink, Machine machine) {
  const pipeline::DeadLetterPaths paths(sink.plan->delivery.dead_letter.folder, sink.name);
  const std::string current(paths.current.text());
  std::vector<std::string> files = {current + ".sending.1", current + ".sending.2",
                                    std::string(paths.previous.text()), current};
  std::erase_if(files, [&](const std::string& path) { return !exists(machine, path); });
  return files;
}

void add_former_connections(Settings& settings, Machine machine) {
  const std::size_t sinks = settings.sinks.size();
  for (std::size_t index = 0; index < sinks; ++index) {
    SinkConfig former = settings.sinks[index];
    if (former.connection > 0 || !former.plan->delivery.dead_letter.on()) continue;
    const std::string name = former.name;
    for (former.connection = former.connections; former.connection < pipeline::Group::members_max;
         ++former.connection) {
      former.name = concat(name, '.', former.connection + 1);
      if (!files_of(former, machine).empty()) settings.sinks.push_back(former);
    }
  }
}

int list_sinks(const DeadLetterRequest& request, Settings& settings, Machine machine) {
  add_former_connections(settings, machine);
  const auto chosen = chosen_sinks(request, settings);
  if (!chosen) return journal_tool::complain(machine, chosen.error());
  int exit_code = exit_codes::ok;
  for (const SinkConfig* sink : *chosen) {
    Looked sum;
    for (const std::string& path : files_of(*sink, machine))
      if (!list_into(path, {}, machine, sum)) return exit_codes::io;
    exit_code = std::max(exit_code, conclude(concat("sinks.", sink->name), sum, machine));
  }
  return exit_code;
}

}  // namespace runnel::agent::dead_letter_tool
