# 64-bit ARM: cross compiler of Debian, which brings its own C and C++ libraries (so no CMAKE_SYSROOT);
# what else is linked lies in build/sysroot/arm64 (cmake/sysroot.sh arm64), header-only libraries in
# build/sysroot/headers, and nothing is ever found in this machine's own /usr.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_STRIP aarch64-linux-gnu-strip)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Kernels with pages of 16 and 64 KiB load it too (the linker's default today, and a promise here).
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-z,max-page-size=65536")

set(runnel_sysroots ${CMAKE_CURRENT_LIST_DIR}/../build/sysroot)
if(NOT EXISTS ${runnel_sysroots}/arm64/.unpacked)
  message(FATAL_ERROR "no libraries of arm64 yet: run cmake/sysroot.sh arm64")
endif()
get_filename_component(runnel_sysroots ${runnel_sysroots} REALPATH)
set(CMAKE_FIND_ROOT_PATH ${runnel_sysroots}/arm64 ${runnel_sysroots}/headers)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Tests are linked dynamically (the allocation guard takes malloc's place): -L says where libc is.
# A processor without pointer authentication: qemu computes that one ten times slower than all the rest.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu cortex-a57 -L /usr/aarch64-linux-gnu)
