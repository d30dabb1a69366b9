# Sourced by quickstart.sh and test.sh: installs what is missing, and says what it does.
# Everything comes from Debian 12's own packages.

runnel_build_packages="g++ cmake ninja-build pkg-config liburing-dev libzstd-dev zlib1g-dev
  libc-ares-dev libmbedtls-dev libasio-dev libtomlplusplus-dev libexpected-dev zstd"
runnel_test_packages="doctest-dev librdkafka-dev clang-19 clang-format-19 libclang-rt-19-dev llvm-19 python3 ccache"
# For the other architectures: compilers, and what cmake/sysroot.sh fetches for each (linked statically).
runnel_aarch64_packages="g++-aarch64-linux-gnu lld"
runnel_armhf_packages="g++-arm-linux-gnueabihf"
runnel_sysroot_packages="libc-ares-dev libzstd-dev liburing-dev zlib1g-dev libmbedtls-dev"
# To run their tests: qemu for programs and for whole machines, and the compiler for firmware.
runnel_cross_test_packages="$runnel_aarch64_packages $runnel_armhf_packages qemu-user-static
  qemu-system-arm qemu-system-x86 cpio gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"

# install_missing PACKAGE...: asks apt only for what dpkg does not have; sudo only if not root.
install_missing() {
  local missing="" package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  echo "installing:$missing"
  local as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "these packages are missing, and there is no sudo; as root run:" >&2
      echo "  apt-get install --no-install-recommends$missing" >&2
      return 1
    fi
    as_root="sudo"
  fi
  # A package database that is half configured by an earlier run would fail the install.
  local quiet="-qq -o=Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120"
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || return 1
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y $quiet --no-install-recommends \
    $missing >/dev/null || return 1
}
