// What the process says when it ends (the numbers are those of BSD's sysexits.h).
#pragma once

namespace runnel::agent::exit_codes {

inline constexpr int ok = 0;
inline constexpr int usage = 64;          // the command line is wrong
inline constexpr int damaged = 65;        // a journal is not whole, or a file is not a journal
inline constexpr int unavailable = 69;    // a port, a lock or a destination could not be had
inline constexpr int io = 74;             // reading or writing failed
inline constexpr int configuration = 78;  // the configuration file is wrong

}  // namespace runnel::agent::exit_codes
