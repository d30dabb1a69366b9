#!/usr/bin/env bash
# Builds everything and runs the tests of the CI budget.
#   --quick   unit, contract, simulator and tidy only, one compiler
#   --long    the long forms too (model, kill -9 rounds, fuzz): half an hour and more
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mode=ci
case "${1:-}" in
  "") ;;
  --quick) mode=quick ;;
  --long) mode=long ;;
  *) echo "test.sh: unknown option $1 (--quick, --long)" >&2; exit 64 ;;
esac
. cmake/packages.sh

begun=$SECONDS
stages=""
failed=""
# stage NAME COMMAND...: runs it, remembers how long it took and whether it failed.
stage() {
  local name=$1 start=$SECONDS
  shift
  echo "=== $name"
  if "$@"; then
    stages="$stages$(printf '%6d s  ok      %s' $((SECONDS - start)) "$name")"$'\n'
  else
    stages="$stages$(printf '%6d s  FAILED  %s' $((SECONDS - start)) "$name")"$'\n'
    failed="$failed $name"
  fi
}
# The same, but nothing after it makes sense when it fails.
must() {
  stage "$@"
  case "$failed" in *" $1") finish ;; esac
}
finish() {
  echo "=== stages"
  printf '%s%6d s  in all\n' "$stages" $((SECONDS - begun))
  if [ -n "$failed" ]; then
    echo "FAILED:$failed"
    exit 1
  fi
  exit 0
}

packages() {
  local all="$runnel_build_packages $runnel_test_packages"
  [ $mode = quick ] || all="$all $(cat tests/e2e/packages.txt)"
  # shellcheck disable=SC2086
  install_missing $all
}
build() { # PRESET [TARGET]
  cmake --preset "$1" >build/configure-"$1".log || { cat build/configure-"$1".log; return 1; }
  cmake --build --preset "$1" --target "${2:-all}" 2>&1 | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' || true
  return "${PIPESTATUS[0]}"
}
formatted() {
  git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 --dry-run --Werror
}
run_tests() { # BUILD LABELS
  ctest --test-dir build/"$1" -L "$2" -j2 --output-on-failure --timeout 3600
}

# A second clone finds what the first one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
[ $mode != long ] || export RUNNEL_ROUNDS=1000 RUNNEL_MODEL_STEPS=5000000 RUNNEL_LONG=1
mkdir -p build
must packages packages
stage tidy python3 tests/tidy/tidy.py
stage format formatted
must build-gcc build test
stage test-gcc run_tests test 'unit|contract|sim'
if [ $mode != quick ]; then
  must build-clang-sanitized build sanitize runnel_tests
  stage test-clang-sanitized run_tests sanitize 'unit|contract|sim'
  stage e2e run_tests test 'e2e'
  stage bench-smoke run_tests test 'bench-smoke'
fi
finish
