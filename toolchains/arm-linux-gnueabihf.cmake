# 32-bit ARM.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(runnel_gnu arm-linux-gnueabihf)
set(runnel_sysroot armhf)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)

# The baseline of Debian armhf: ARMv7-A, Thumb-2, VFPv3-D16, hard float; no NEON. Cortex-A5 and up.
# Without the notes on what GCC 7 changed in passing 64-bit parameters: nothing here is older.
set(CMAKE_C_FLAGS_INIT "-march=armv7-a+fp -mfloat-abi=hard -mthumb")
set(CMAKE_CXX_FLAGS_INIT "-march=armv7-a+fp -mfloat-abi=hard -mthumb -Wno-psabi")

# Tests are linked dynamically (the allocation guard takes malloc's place): -L says where libc is.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm-static -L /usr/${runnel_gnu})
