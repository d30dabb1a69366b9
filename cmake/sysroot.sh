#!/usr/bin/env bash
# Fetches the libraries of another architecture that the program links statically, and unpacks them:
#   cmake/sysroot.sh arm64|armhf     build/sysroot/ARCH, for the toolchain files
#   cmake/sysroot.sh ARCH FOLDER PACKAGE...   any packages into any folder (kernels for tests/boot)
#   cmake/sysroot.sh headers         build/sysroot/headers alone: links to header-only libraries
# RUNNEL_UNPACK_ONLY='./boot/*' unpacks only what matches.
# A package may be a pattern in quotes ('linux-image-6.1.*-armmp'): the newest one that matches.
#
# Private apt state for each architecture, so that the machine's own package database never hears of
# a foreign one (`dpkg --add-architecture` breaks as soon as two indexes differ in version). Mirrors
# and keys are those that this machine's apt is configured with. Done once: a second call only looks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. cmake/packages.sh

# Header-only libraries are the same for every machine and come from this one. Links to just them: all
# of /usr/include in a cross compiler's path would mix two C libraries.
link_headers() {
  local from=/usr/include to=build/sysroot/headers/usr/include each
  mkdir -p $to
  for each in asio asio.hpp toml++ CLI tl doctest; do
    [ ! -e $from/$each ] || ln -sfn $from/$each $to/$each
  done
}

arch=${1:-}
case "$arch" in
  amd64 | arm64 | armhf) ;;
  headers) link_headers; exit 0 ;;
  *) echo "sysroot.sh: which architecture (arm64, armhf)? Not '$arch'" >&2; exit 64 ;;
esac
shift
if [ $# -eq 0 ]; then
  folder=build/sysroot/$arch
  # shellcheck disable=SC2086
  set -- $runnel_sysroot_packages
  link_headers
else
  folder=${1:?a folder}
  shift
fi
mkdir -p "$folder"
folder=$(realpath "$folder")
done_mark=$folder/.unpacked
[ "$(cat "$done_mark" 2>/dev/null)" != "$*" ] || exit 0

state=$PWD/build/apt/$arch
mkdir -p "$state"/{lists,cache}/partial
touch "$state/status"
private_apt() {
  local program=$1
  shift
  "$program" -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
    -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
    -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none \
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "${source_options[@]}" "$@"
}

# The machine's own sources; and the same without the security index, for when that one is broken or
# lacks the version it names.
all_sources=()
main_sources=(-o "Dir::Etc::sourcelist=$state/main.list" -o Dir::Etc::sourceparts=/dev/null)
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  awk '$2 !~ /security/ { print "deb", $1, $2, $3 }' | sort -u >"$state/main.list"

newest() { # PATTERN: the name of the newest package that matches
  case "$1" in
    *'*'*)
      local names
      names=$(private_apt apt-cache pkgnames linux-image-) || return 1
      while read -r name; do
        # shellcheck disable=SC2254
        case "$name" in $1) echo "$name" ;; esac
      done <<<"$names" | sort -V | tail -n 1
      ;;
    *) echo "$1" ;;
  esac
}
fetch() { # into the working folder
  local names=() name pattern
  private_apt apt-get update || echo "sysroot.sh: an index of $arch could not be read" >&2
  for pattern in "$@"; do
    name=$(newest "$pattern")
    [ -n "$name" ] || { echo "sysroot.sh: no package of $arch is called $pattern" >&2; return 1; }
    names+=("$name")
  done
  private_apt apt-get download "${names[@]}"
}

downloads=$(mktemp -d "$state/download.XXXXXX")
trap 'rm -rf "$downloads"' EXIT
echo "sysroot: $arch: $*"
if ! (cd "$downloads" && source_options=("${all_sources[@]}") && fetch "$@"); then
  echo "sysroot.sh: trying again with the main index only" >&2
  rm -f "$downloads"/*.deb
  (cd "$downloads" && source_options=("${main_sources[@]}") && fetch "$@")
fi
rm -f "$done_mark"
for package in "$downloads"/*.deb; do
  if [ -n "${RUNNEL_UNPACK_ONLY:-}" ]; then
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --wildcards "$RUNNEL_UNPACK_ONLY"
  else
    dpkg -x "$package" "$folder"
  fi
done
echo "$*" >"$done_mark"
