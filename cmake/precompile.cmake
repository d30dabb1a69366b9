# The headers of the standard library that nearly every file includes, parsed once for all: a cold build
# takes half the time. For the cross builds of CI; in daily work ccache does more, and it cannot store what
# is built this way.
option(RUNNEL_PRECOMPILE "Parse the standard library's headers once" OFF)

# GCC 12 forgets which precompiled headers are the system's, and warns inside them.
if(RUNNEL_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-stringop-overread -Wno-stringop-overflow -Wno-array-bounds -Wno-restrict)
endif()

# Whose precompiled headers a floor uses. A folder whose flags differ names another.
set(RUNNEL_PRECOMPILE_OWNER runnel_base)
set(RUNNEL_PRECOMPILED
    <algorithm> <array> <charconv> <chrono> <coroutine> <cstring> <functional> <map> <memory> <optional>
    <span> <string> <string_view> <utility> <variant> <vector> <tl/expected.hpp>)

# The first caller's headers serve everybody who names it as `owner`: same compiler flags.
function(runnel_precompile target owner)
  if(NOT RUNNEL_PRECOMPILE)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${RUNNEL_PRECOMPILED} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
