// A small text file, line by line, without stdio (which allocates). Blocks for as long as the file
// system takes: for files of a few pages that are mostly in memory.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/function_ref.hpp"

namespace runnel::cares {

// Calls `each` per line, without its end, until it returns false or `bytes_max` are read. `buffer`
// holds one line: longer ones are passed over. False: the file cannot be read.
bool each_line(const char* path, std::size_t bytes_max, std::span<char> buffer,
               FunctionRef<bool(std::string_view)> each);

}  // namespace runnel::cares
