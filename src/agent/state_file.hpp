// Small files in state_dir that are written as a whole: at any instant the name means one whole
// text, the old one or the new one.
#pragma once

#include "async/task.hpp"
#include "base/bytes.hpp"
#include "io/reactor.hpp"

namespace runnel::agent {

// `fresh` is another name in the same folder, for the text until it is durable; what is there is
// nobody's. Afterwards the new name is durable too.
async::Task<Status> replace_file(io::Reactor& reactor, const char* folder, const char* fresh,
                                 const char* path, Bytes text);

// What follows `name` and a space in the next line, which is taken off; nothing if it is another.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name);

}  // namespace runnel::agent
