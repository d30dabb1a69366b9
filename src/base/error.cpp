#include "base/error.hpp"

namespace runnel {
namespace {

struct Row {
  std::string_view name;
  std::string_view text;
};

// One row an Error, in the order of the enumeration.
constexpr Row rows[] = {
    {"none", "no error"},
    {"cancelled", "cancelled"},
    {"timed_out", "timed out"},
    {"closed", "closed"},
    {"reset", "connection reset by the peer"},
    {"refused", "connection refused"},
    {"unreachable", "network or host unreachable"},
    {"not_found", "no such file or folder"},
    {"exists", "it exists already"},
    {"access", "permission denied"},
    {"in_use", "already in use"},
    {"not_available", "not available on this machine"},
    {"is_folder", "it is a folder, not a file"},
    {"not_folder", "a part of the path is not a folder"},
    {"no_space", "no space left on the device"},
    {"read_only", "the file system is read-only"},
    {"io", "input/output error of the device"},
    {"too_many_handles", "too many open files (raise LimitNOFILE)"},
    {"no_memory", "a planned limit is reached"},
    {"no_buffers", "no receive buffers free"},
    {"no_room", "the channel is full"},
    {"would_block", "not ready"},
    {"too_large", "larger than its limit"},
    {"malformed", "malformed"},
    {"unsupported", "not supported here"},
    {"unexpected", "an error this version does not know (see the log)"},
};
static_assert(sizeof(rows) / sizeof(rows[0]) == static_cast<std::size_t>(Error::unexpected) + 1);

}  // namespace

std::string_view name_of(Error error) { return rows[static_cast<std::size_t>(error)].name; }
std::string_view describe(Error error) { return rows[static_cast<std::size_t>(error)].text; }

}  // namespace runnel
