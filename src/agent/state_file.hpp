// Small files in state_dir that are written as a whole: at any instant the name means one whole
// text, the old one or the new one.
#pragma once

#include "async/task.hpp"
#include "base/bytes.hpp"

namespace runnel::agent {

// `fresh` is another name in the same folder, for the text until it is durable; what is there is
// nobody's. Afterwards the new name is durable too. Frames: `state_file_frame_bytes`.
async::Task<Status> replace_file(const char* folder, const char* fresh, const char* path,
                                 Bytes text);
inline constexpr std::size_t state_file_frame_bytes = 768;

// What follows `name` and a space in the next line, which is taken off; nothing if it is another.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name);

}  // namespace runnel::agent
