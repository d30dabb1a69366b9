# runnel_library(NAME SOURCES a.cpp ... USES other floors and dependencies): one static library a floor,
# `runnel_NAME`. A file includes only from its own floor or from one it USES (tests/tidy checks it).
function(runnel_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(runnel_${name} STATIC ${ARG_SOURCES})
  target_include_directories(runnel_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  foreach(used ${ARG_USES})
    if(TARGET dependency_${used})
      target_link_libraries(runnel_${name} PUBLIC dependency_${used})
    else()
      target_link_libraries(runnel_${name} PUBLIC runnel_${used})
    endif()
  endforeach()
  target_link_libraries(runnel_${name} PUBLIC dependency_expected PRIVATE runnel_warnings)
  # Nothing throws after the start, and only what reads the configuration catches: tables to unwind
  # by would be a tenth of the program.
  if(RUNNEL_STATIC AND NOT name MATCHES "configuration|agent|platform")
    target_compile_options(runnel_${name} PRIVATE -fno-exceptions -fno-unwind-tables
                           -fno-asynchronous-unwind-tables)
  endif()
  runnel_precompile(runnel_${name} ${RUNNEL_PRECOMPILE_OWNER})
endfunction()
