# 64-bit ARM.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(runnel_gnu aarch64-linux-gnu)
set(runnel_sysroot arm64)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)

# Kernels with pages of 16 and 64 KiB load it too (a promise here). GNU's linker of Debian 12 cannot pack
# relocations for this processor, LLVM's can: 150 KB less. A compiler for another processor looks for linkers in
# folders of its own only.
find_program(RUNNEL_LLD ld.lld REQUIRED)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/linker)
file(CREATE_LINK ${RUNNEL_LLD} ${CMAKE_BINARY_DIR}/linker/ld.lld SYMBOLIC)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-B${CMAKE_BINARY_DIR}/linker -fuse-ld=lld -Wl,-z,max-page-size=65536")
set(RUNNEL_PACKED_RELOCATIONS -Wl,--pack-dyn-relocs=relr)

# Tests are linked dynamically (the allocation guard takes malloc's place): -L says where libc is.
# A processor without pointer authentication: qemu computes that one ten times slower than all the rest.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu cortex-a57 -L /usr/${runnel_gnu})
