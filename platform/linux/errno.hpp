// The only place where errno becomes an Error. A number that is not in the table is logged and
// becomes `unexpected`. Success (0) is `none`.
#pragma once

#include "base/error.hpp"

namespace runnel::linux_os {

Error error_from_errno(int number);
// Of the calling thread's errno.
Error last_error();

}  // namespace runnel::linux_os
