// What the file sink does at start: sees that its folder can be written, and finishes the files
// that an earlier run left behind. A leftover is a file that matches the template and ends with
// ".tmp": it is cut to its last whole frame and renamed. One that has no whole frame is deleted,
// unless it begins with something that never was a frame: then it is put aside as ".broken".
// Bounded: `entries_max` names are looked at, `leftovers_max` files finished a start. Allocates.
#pragma once

#include "async/task.hpp"
#include "pipeline/context.hpp"
#include "sinks/file/settings.hpp"

namespace runnel::sinks {

inline constexpr std::size_t recovery_entries_max = 100'000;
inline constexpr std::size_t leftovers_max = 4096;

// `example` is a path that the template gives now. Makes the folder when it is missing.
async::Task<pipeline::Started> check_folder(pipeline::SinkContext& context,
                                            const FileSettings& settings, const char* example);
async::Task<void> finish_leftovers(pipeline::SinkContext& context, const FileSettings& settings);

}  // namespace runnel::sinks
