#!/usr/bin/env bash
# Builds everything and runs the tests of the CI budget.
#   --quick   unit, contract, simulator and tidy only, one compiler
#   --long    the long forms too (model, kill -9 rounds, fuzz, a night of seeds): two hours and more
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
# Stages that keep one core busy each, side by side; a name's command is the function stage_NAME.
together() { # NAME...
  local name job jobs=""
  for name in "$@"; do
    ( start=$SECONDS; "stage_$name" >build/stage-"$name".log 2>&1; code=$?
      echo "$code $((SECONDS - start))" >build/stage-"$name".end ) &
    jobs="$jobs $!"
  done
  for job in $jobs; do wait "$job"; done
  for name in "$@"; do
    echo "=== $name"
    cat build/stage-"$name".log
    local code=1 seconds=0 word=ok
    read -r code seconds <build/stage-"$name".end
    [ "$code" = 0 ] || { word=FAILED; failed="$failed $name"; }
    stages="$stages$(printf '%6d s  %-6s  %s' "$seconds" "$word" "$name")"$'\n'
  done
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
  [ $mode = quick ] || all="$all $runnel_cross_test_packages valgrind $(cat tests/e2e/packages.txt)"
  # shellcheck disable=SC2086
  install_missing $all
}
build() { # PRESET TARGET...
  local preset=$1
  shift
  cmake --preset "$preset" $precompile >build/configure-"$preset".log ||
    { cat build/configure-"$preset".log; return 1; }
  # Not behind "||": the first status would be lost.
  cmake --build --preset "$preset" --target "$@" 2>&1 |
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)'
  return "${PIPESTATUS[0]}"
}
formatted() {
  git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 --dry-run --Werror
}
run_tests() { # BUILD LABELS
  ctest --test-dir build/"$1" -L "$2" -j2 --output-on-failure --timeout 3600
}
# Another architecture: its tests under qemu-user, and its package. What 32 bits do to the pure code and the
# simulator's worlds is seen on armhf; on 64 bits they do what they do on amd64, so there it is the long form.
cross() { # NAME
  local targets="runnel_cross" labels='unit|contract|sim'
  if [ "$1" = aarch64 ] && [ $mode != long ]; then
    targets="runnel runnel_contract"
    labels='contract'
  fi
  # shellcheck disable=SC2086
  must build-"$1" build "$1"-test $targets
  stage test-"$1" run_tests "$1" "$labels"
  stage package-"$1" tests/package/run "$1"
}
# The static binary, and for ARM the contract suite, on a real kernel.
boot() { # KERNEL BUILD [SUITE]
  tests/boot/run --arch "$1" --binary build/"$2"/platform/linux/runnel ${3:+--suite "$3"}
}
stage_boot-amd64() { boot amd64 static; }
stage_boot-arm64() { boot arm64 aarch64 build/aarch64/tests/contract/runnel_contract; }
stage_boot-armhf() { boot armhf armhf build/armhf/tests/contract/runnel_contract; }
stage_instructions() { tests/bench/instructions; }
stage_firmware() { tests/firmware/run; }
sysroots() {
  cmake/sysroot.sh arm64 && cmake/sysroot.sh armhf
}
night() { # what no seed of CI has been
  tests/sim/night 1800
}

# A second clone finds what the first one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
[ $mode != long ] || export RUNNEL_ROUNDS=1000 RUNNEL_MODEL_STEPS=5000000 RUNNEL_LONG=1
# A machine that has never built this has no use for ccache, which cannot keep what is built this way.
precompile=""
[ -z "${CI:-}" ] || precompile="-DRUNNEL_PRECOMPILE=ON"
fuzz_seconds=15
[ $mode != long ] || fuzz_seconds=600

mkdir -p build
must packages packages
stage tidy python3 tests/tidy/tidy.py
stage format formatted
must build-gcc build test all
stage test-gcc run_tests test 'unit|contract|sim|hardening'
if [ $mode != quick ]; then
  stage swarm run_tests test 'swarm'
  stage e2e run_tests test 'e2e'
  stage bench-smoke run_tests test 'bench-smoke'
  stage package-amd64 tests/package/run amd64
  must sysroots sysroots
  together instructions boot-amd64 firmware
  cross aarch64
  cross armhf
  together boot-arm64 boot-armhf
  must build-clang-sanitized build sanitize runnel_tests runnel_fuzz
  stage test-clang-sanitized run_tests sanitize 'unit|contract|sim|swarm|fuzz'
  stage fuzz tests/fuzz/run --seconds "$fuzz_seconds"
fi
[ $mode != long ] || stage night night
finish
