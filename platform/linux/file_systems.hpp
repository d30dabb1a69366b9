// Which file systems change without this kernel's doing: those of another machine, or of a program.
// inotify accepts a watch there and then stays silent about everything that others write.
#pragma once

#include <cstdint>

namespace runnel::linux_os {

// `type` is `f_type` of statfs(2), of which only the low 32 bits say anything. False for types that
// are not known, and for overlayfs, where changes made through the same mount are told.
bool changes_untold(std::uint32_t type);

}  // namespace runnel::linux_os
