// Goal: folders whose changes the kernel does not tell are polled, all others are watched. Method:
// the types by number, as statfs gives them on 32-bit and 64-bit machines, and /proc of this one.
#include "platform/linux/file_systems.hpp"

#include <cstdint>
#include <initializer_list>

#include <doctest/doctest.h>
#include <sys/vfs.h>

namespace runnel::linux_os {

TEST_CASE("file systems: those of other machines do not tell") {
  for (const std::uint32_t type :
       {0x6969u, 0x517bu, 0x01021997u, 0x65735546u, 0xff534d42u, 0xfe534d42u, 0x00c36400u}) {
    CAPTURE(type);
    CHECK(changes_untold(type));
    // A 32-bit kernel interface has a signed word there: CIFS comes out negative.
    CHECK(changes_untold(static_cast<std::uint32_t>(static_cast<std::int32_t>(type))));
  }
}

TEST_CASE("file systems: local ones and overlayfs do tell") {
  // ext4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS, squashfs, and what nobody knows.
  for (const std::uint32_t type : {0xef53u, 0x58465342u, 0x9123683eu, 0x01021994u, 0x794c7630u,
                                   0xf2f52010u, 0x2fc12fc1u, 0x73717368u, 0u, 1u, 0xffffffffu}) {
    CAPTURE(type);
    CHECK_FALSE(changes_untold(type));
  }
  struct statfs info;
  REQUIRE(::statfs("/proc", &info) == 0);
  CHECK_FALSE(changes_untold(static_cast<std::uint32_t>(info.f_type)));
}

}  // namespace runnel::linux_os
