# 32-bit ARM: cross compiler of Debian, which brings its own C and C++ libraries (so no CMAKE_SYSROOT);
# what else is linked lies in build/sysroot/armhf (cmake/sysroot.sh armhf), header-only libraries in
# build/sysroot/headers, and nothing is ever found in this machine's own /usr.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_STRIP arm-linux-gnueabihf-strip)
set(CMAKE_LIBRARY_ARCHITECTURE arm-linux-gnueabihf)

# The baseline of Debian armhf: ARMv7-A, Thumb-2, VFPv3-D16, hard float; no NEON. Cortex-A5 and up.
# Without the notes on what GCC 7 changed in passing 64-bit parameters: nothing here is older.
set(CMAKE_C_FLAGS_INIT "-march=armv7-a+fp -mfloat-abi=hard -mthumb")
set(CMAKE_CXX_FLAGS_INIT "-march=armv7-a+fp -mfloat-abi=hard -mthumb -Wno-psabi")

set(runnel_sysroots ${CMAKE_CURRENT_LIST_DIR}/../build/sysroot)
if(NOT EXISTS ${runnel_sysroots}/armhf/.unpacked)
  message(FATAL_ERROR "no libraries of armhf yet: run cmake/sysroot.sh armhf")
endif()
get_filename_component(runnel_sysroots ${runnel_sysroots} REALPATH)
set(CMAKE_FIND_ROOT_PATH ${runnel_sysroots}/armhf ${runnel_sysroots}/headers)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Tests are linked dynamically (the allocation guard takes malloc's place): -L says where libc is.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm-static -L /usr/arm-linux-gnueabihf)
