# What a build can be. Presets in CMakePresets.json set these.
option(RUNNEL_TESTS "Build the tests and the allocation guard" ON)
# Deliberate mistakes and coverage marks for the simulator: never in a product build.
option(RUNNEL_CANARIES "The mistakes and marks of src/base/canary.hpp" ${RUNNEL_TESTS})
if(RUNNEL_CANARIES)
  add_compile_definitions(RUNNEL_CANARIES)
endif()
option(RUNNEL_STATIC "Link the program statically" OFF)
option(RUNNEL_KAFKA "The sink kafka, by librdkafka: linked dynamically, with threads and a heap of its own" OFF)
if(RUNNEL_KAFKA AND RUNNEL_STATIC)
  message(FATAL_ERROR "RUNNEL_KAFKA needs librdkafka and what it needs as shared libraries: not with RUNNEL_STATIC")
endif()
set(RUNNEL_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions of our own stay on in every build; NDEBUG only silences those of libraries.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

if(RUNNEL_SANITIZE)
  add_compile_definitions(RUNNEL_SANITIZED)
  add_compile_options(-fsanitize=${RUNNEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RUNNEL_SANITIZE})
endif()
option(RUNNEL_FUZZ "Instrument src/ for the targets of tests/fuzz (clang), and build them" OFF)
add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections)

# Files past 2 GiB and times past 2038, on 32-bit machines too.
if(CMAKE_SIZEOF_VOID_P EQUAL 4)
  add_compile_definitions(_FILE_OFFSET_BITS=64 _TIME_BITS=64)
endif()

# What people copy does not tell where it was built, and comes out the same everywhere.
if(RUNNEL_STATIC)
  add_compile_options(-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
endif()
