# Every library from elsewhere, found once. Each is touched in one folder only (docs/dependencies.md).
function(runnel_dependency name)
  cmake_parse_arguments(ARG "" "HEADER;LIBRARY" "DEFINES" ${ARGN})
  find_path(${name}_INCLUDE ${ARG_HEADER} REQUIRED)
  add_library(dependency_${name} INTERFACE)
  if(NOT "${${name}_INCLUDE}" STREQUAL "/usr/include")
    target_include_directories(dependency_${name} SYSTEM INTERFACE ${${name}_INCLUDE})
  endif()
  target_compile_definitions(dependency_${name} INTERFACE ${ARG_DEFINES})
  if(ARG_LIBRARY)
    # The static archive everywhere: one binary to copy, and the allocation guard sees inside.
    find_library(${name}_ARCHIVE lib${ARG_LIBRARY}.a REQUIRED)
    target_link_libraries(dependency_${name} INTERFACE ${${name}_ARCHIVE})
  endif()
endfunction()

runnel_dependency(expected HEADER tl/expected.hpp)
runnel_dependency(zstd HEADER zstd.h LIBRARY zstd)
# Debian's archive also decodes the formats that zstd had before version 1.0: 90 KB of old code that only a
# hostile file could reach. Their entry points all become one function that gives them nothing
# (codec/whole_frames.cpp), and what they need stays outside.
foreach(version 05 06 07)
  foreach(entry ZSTDv${version}_createDCtx ZSTDv${version}_freeDCtx ZSTDv${version}_decompress_usingDict
          ZSTDv${version}_findFrameSizeInfoLegacy ZSTDv${version}_getFrameParams
          ZBUFFv${version}_createDCtx ZBUFFv${version}_freeDCtx ZBUFFv${version}_decompressContinue
          ZBUFFv${version}_decompressInitDictionary)
    target_link_options(dependency_zstd INTERFACE "LINKER:--defsym=${entry}=runnel_no_legacy_zstd")
  endforeach()
endforeach()
runnel_dependency(zlib HEADER zlib.h LIBRARY z)
runnel_dependency(cares HEADER ares.h LIBRARY cares)
runnel_dependency(uring HEADER liburing.h LIBRARY uring)
runnel_dependency(asio HEADER asio.hpp DEFINES ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_DISABLE_THREADS)
runnel_dependency(tomlplusplus HEADER toml++/toml.h)
include(${CMAKE_CURRENT_LIST_DIR}/mbedtls.cmake)
# The one shared library, and only when it is asked for: its archive would want OpenSSL's, SASL's and more.
if(RUNNEL_KAFKA)
  runnel_dependency(rdkafka HEADER librdkafka/rdkafka.h)
  find_library(rdkafka_LIBRARY rdkafka REQUIRED)
  target_link_libraries(dependency_rdkafka INTERFACE ${rdkafka_LIBRARY})
endif()
if(RUNNEL_TESTS)
  runnel_dependency(doctest HEADER doctest/doctest.h)
endif()
