// Looks through the folders that a path template can reach: its fixed folder and as many levels
// below it as the template has. For start-up and after a roll; it blocks for as long as the kernel
// takes to list. Does not allocate; on the stack it takes a path and a listing buffer a level.
#pragma once

#include <string_view>

#include "base/function_ref.hpp"
#include "io/system.hpp"
#include "sinks/file/path_template.hpp"

namespace runnel::sinks {

// Calls `each` with the full path of everything that is not a folder, until it returns false or
// `entries_max` entries have been seen (then the result is false). Folders that cannot be read are
// passed over.
bool walk_files(io::System& system, const PathTemplate& path, std::size_t entries_max,
                FunctionRef<bool(std::string_view)> each);

}  // namespace runnel::sinks
