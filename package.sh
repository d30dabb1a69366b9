#!/usr/bin/env bash
# Builds one static binary and packs it: build/package/runnel-VERSION-ARCH.tar.gz with the binary, a
# sample configuration, a systemd unit, a README and the licence, and a .sha256 file beside it.
#   ./package.sh [amd64|aarch64|armhf]     amd64 if none is named
# The same sources give the same tarball, byte for byte.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. cmake/packages.sh

arch=${1:-amd64}
[ $# -le 1 ] || { echo "package.sh: one architecture at a time (amd64, aarch64, armhf)" >&2; exit 64; }
packages="$runnel_build_packages"
case "$arch" in
  -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
  amd64) preset=static; sysroot=""; strip="strip" ;;
  aarch64) preset=aarch64; sysroot=arm64; strip=aarch64-linux-gnu-strip
    packages="$packages $runnel_aarch64_packages" ;;
  armhf) preset=armhf; sysroot=armhf; strip=arm-linux-gnueabihf-strip
    packages="$packages $runnel_armhf_packages" ;;
  *) echo "package.sh: unknown architecture $arch (amd64, aarch64, armhf)" >&2; exit 64 ;;
esac

# shellcheck disable=SC2086
install_missing $packages
[ -z "$sysroot" ] || cmake/sysroot.sh "$sysroot"

echo "building (build/$preset) ..."
mkdir -p build
log=build/package-$arch.log
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" --target runnel; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "the build failed; the whole log is $log" >&2
  exit 1
fi

version=$(sed -n 's/^project(runnel VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
name=runnel-$version-$arch
folder=build/package/$name
rm -rf "$folder" "$folder".tar.gz*
mkdir -p "$folder"
"$strip" -o "$folder/runnel" "build/$preset/platform/linux/runnel"
sed "s/VERSION/$version/; s/ARCH/$arch/" packaging/README.txt >"$folder/README"
cp packaging/runnel.toml packaging/runnel.service LICENSE "$folder"
chmod 0755 "$folder" "$folder/runnel"
chmod 0644 "$folder"/{LICENSE,README,runnel.toml,runnel.service}

# Nothing of this machine goes into the archive: no owner, no time, no order of its file system.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
tar -C build/package --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" \
  --format=gnu -cf - "$name" | gzip -9n >"$folder.tar.gz"
(cd build/package && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
rm -rf "$folder"
echo "build/package/$name.tar.gz: $(stat -c %s "$folder.tar.gz") bytes, sha256 in $name.tar.gz.sha256"
