// `runnel journal release`: the one command that writes to a journal. It writes as the agent does:
// the page of cursors that is older, so that the other one is there if the power goes.
#include <algorithm>
#include <vector>

#include "agent/exit_codes.hpp"
#include "agent/journal_tool/tool.hpp"
#include "base/text.hpp"

namespace runnel::agent::journal_tool {

using namespace channels::journal;

namespace {

std::string names_in(const CursorPage& page) {
  std::string names;
  for (const Cursor& each : page.cursors) names += concat(names.empty() ? "" : ", ", each.name);
  return names.empty() ? "none" : names;
}

Status write_cursors(const CursorPage& page, const Salt& salt, const JournalRequest& request,
                     Machine machine) {
  auto file = File::open(machine.reactor, request.path.c_str(), io::OpenMode::write);
  if (!file) return file.error();
  std::vector<std::byte> bytes(page_bytes);
  encode(page, salt, bytes);
  const std::uint64_t at = cursor_pages[page.generation % 2 == 0 ? 0 : 1];
  if (const Status written = file->write(at, bytes); !written) return written;
  return file->sync();
}

}  // namespace

int release(const JournalRequest& request, const JournalReader& reader, Machine machine) {
  if (!reader.cursors())
    return complain(machine, {concat(request.path,
                                     ": has no cursors that can be read, so it keeps "
                                     "nothing for ",
                                     request.sink),
                              exit_codes::damaged});
  CursorPage page = *reader.cursors();
  const auto found = std::find_if(page.cursors.begin(), page.cursors.end(),
                                  [&](const Cursor& each) { return each.name == request.sink; });
  if (found == page.cursors.end())
    return complain(machine, {concat(request.path, ": keeps nothing for \"", request.sink,
                                     "\"; its readers: ", names_in(page)),
                              exit_codes::usage});
  page.cursors.erase(found);
  ++page.generation;
  if (const Status written = write_cursors(page, reader.superblock().salt, request, machine);
      !written)
    return complain(
        machine,
        {concat(request.path, ": cannot be written: ", describe(written.error())), exit_codes::io});
  const bool taken =
      machine.console.out(concat(request.path, ": nothing is kept for ", request.sink,
                                 " any more; its readers: ", names_in(page), '\n'));
  return taken ? exit_codes::ok : exit_codes::io;
}

}  // namespace runnel::agent::journal_tool
