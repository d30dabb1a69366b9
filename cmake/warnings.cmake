# Applied to every target of ours; libraries come in as system headers.
add_library(runnel_warnings INTERFACE)
target_compile_options(runnel_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wold-style-cast -Wcast-align -Wundef -Werror
  # Designated initializers name what differs from the standard; the rest is meant to be left out.
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees dangling pointers and uninitialised fields in coroutine frames that are not there.
  target_compile_options(runnel_warnings INTERFACE -Wno-maybe-uninitialized -Wno-dangling-pointer)
endif()
