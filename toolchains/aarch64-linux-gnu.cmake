# 64-bit ARM.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(runnel_gnu aarch64-linux-gnu)
set(runnel_sysroot arm64)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)

# Kernels with pages of 16 and 64 KiB load it too (the linker's default today, and a promise here).
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-z,max-page-size=65536")

# Tests are linked dynamically (the allocation guard takes malloc's place): -L says where libc is.
# A processor without pointer authentication: qemu computes that one ten times slower than all the rest.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu cortex-a57 -L /usr/${runnel_gnu})
