#include "platform/linux/file_systems.hpp"

#include <algorithm>
#include <iterator>

namespace runnel::linux_os {
namespace {

// Numbers of the kernel's and of the makers' documents: <linux/magic.h> has not all of them.
constexpr std::uint32_t untold[] = {
    0x0000517b,  // SMB
    0x0000564c,  // NCP
    0x00006969,  // NFS
    0x00c36400,  // Ceph
    0x01021997,  // 9p
    0x01161970,  // GFS2
    0x0bd00bd0,  // Lustre
    0x19830326,  // BeeGFS
    0x20030528,  // OrangeFS
    0x47504653,  // GPFS
    0x5346414f,  // AFS, OpenAFS
    0x61636673,  // ACFS
    0x65735546,  // FUSE, virtiofs
    0x6b414653,  // AFS, the kernel's own
    0x73757245,  // Coda
    0x7461636f,  // OCFS2
    0x786f4256,  // VirtualBox shared folders
    0xaad7aaea,  // PanFS
    0xbacbacbc,  // VMware shared folders
    0xfe534d42,  // SMB2
    0xff534d42,  // CIFS
};
static_assert(std::is_sorted(std::begin(untold), std::end(untold)));

}  // namespace

bool changes_untold(std::uint32_t type) {
  return std::binary_search(std::begin(untold), std::end(untold), type);
}

}  // namespace runnel::linux_os
