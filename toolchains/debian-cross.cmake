# What the toolchain files of the other architectures share. Before it is included: `runnel_gnu`, the triplet of
# Debian's cross compiler, and `runnel_sysroot`, the name that cmake/sysroot.sh knows the architecture by.
# The compiler brings its own C and C++ libraries (so no CMAKE_SYSROOT); what else is linked lies in
# build/sysroot/NAME, header-only libraries in build/sysroot/headers, and nothing is ever found in this
# machine's own /usr.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${runnel_gnu}-gcc)
set(CMAKE_CXX_COMPILER ${runnel_gnu}-g++)
set(CMAKE_STRIP ${runnel_gnu}-strip)
set(CMAKE_LIBRARY_ARCHITECTURE ${runnel_gnu})

set(runnel_sysroots ${CMAKE_CURRENT_LIST_DIR}/../build/sysroot)
if(NOT EXISTS ${runnel_sysroots}/${runnel_sysroot}/.unpacked)
  message(FATAL_ERROR "no libraries of ${runnel_sysroot} yet: run cmake/sysroot.sh ${runnel_sysroot}")
endif()
get_filename_component(runnel_sysroots ${runnel_sysroots} REALPATH)
set(CMAKE_FIND_ROOT_PATH ${runnel_sysroots}/${runnel_sysroot} ${runnel_sysroots}/headers)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
