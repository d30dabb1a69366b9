# What makes a programming error harder to exploit, in every build but the sanitized ones. The price of each
# line is in docs/hardening.md; tests/hardening/check.py looks for them in the program.
set(RUNNEL_LINK_KIND "")
if(RUNNEL_STATIC)
  set(RUNNEL_LINK_KIND -static)
endif()
option(RUNNEL_HARDENING "Build with the flags of cmake/hardening.cmake" ON)
if(NOT RUNNEL_HARDENING OR RUNNEL_SANITIZE)
  return()
endif()

include(CheckCXXCompilerFlag)
# Compilers say what they cannot do for a processor; nothing here is worth a build that fails.
function(runnel_harden flag)
  string(MAKE_C_IDENTIFIER "runnel_has${flag}" known)
  set(CMAKE_REQUIRED_FLAGS -Werror)
  set(CMAKE_REQUIRED_QUIET ON)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    add_compile_options(${flag})
  endif()
endfunction()

runnel_harden(-fstack-protector-strong)
runnel_harden(-fstack-clash-protection)
# Return addresses are signed, function by function. The counterpart of amd64, -fcf-protection, would do
# nothing: it holds only if every object has it, and Debian 12's libc.a and libzstd.a do not.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  runnel_harden(-mbranch-protection=standard)
endif()
# Level 3 comes with GCC 12; it needs an optimised build.
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
                    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)

# Addresses are chosen anew at every start, of static programs too.
add_compile_options(-fPIE)
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
check_cxx_source_compiles("int main() {}" RUNNEL_HAS_STATIC_PIE) # glibc has none for 32-bit ARM
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(RUNNEL_STATIC AND NOT RUNNEL_HAS_STATIC_PIE)
  set(RUNNEL_LINK_KIND -static)
elseif(RUNNEL_STATIC)
  # Relocations in a bit each: 70 KB less. A dynamic program would need the glibc of 2022 for them.
  if(NOT RUNNEL_PACKED_RELOCATIONS) # linkers do not agree how to ask for it: toolchains say so
    set(RUNNEL_PACKED_RELOCATIONS -Wl,-z,pack-relative-relocs)
  endif()
  set(RUNNEL_LINK_KIND -static-pie ${RUNNEL_PACKED_RELOCATIONS})
else()
  set(RUNNEL_LINK_KIND -pie)
endif()
# What was relocated is read-only before main begins.
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
