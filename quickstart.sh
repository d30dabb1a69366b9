#!/usr/bin/env bash
# Builds Runnel and collects this machine's own logs: tails /var/log, listens for syslog on loopback,
# writes zstd files. Ctrl-C drains and ends. Options:
#   --once       end when the log files have been read
#   --data DIR   where the files go (default: runnel-data beside this script)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
data=$here/runnel-data
once=""
while [ $# -gt 0 ]; do
  case "$1" in
    --once) once=--once ;;
    --data) data=$(realpath -m "${2:?--data needs a folder}"); shift ;;
    -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown option $1 (--once, --data DIR)" >&2; exit 64 ;;
  esac
  shift
done

. cmake/packages.sh
# shellcheck disable=SC2086
install_missing $runnel_build_packages

echo "building (build/release) ..."
mkdir -p build
if ! { cmake --preset release && cmake --build --preset release; } >build/quickstart.log 2>&1; then
  tail -n 30 build/quickstart.log >&2
  echo "the build failed; the whole log is build/quickstart.log" >&2
  exit 1
fi
runnel=$here/build/release/platform/linux/runnel

mkdir -p "$data"
config=$data/quickstart.toml
cat >"$config" <<TOML
[agent]
name = "quickstart"
state_dir = "$data/state"
memory_limit = "32MiB"

[sources.logs]
type = "tail"
paths = ["/var/log/*.log", "/var/log/syslog", "/var/log/messages"]
start_at = "beginning"
channels = ["main"]

[sources.syslog]
type = "syslog"
listen = ["udp://127.0.0.1:5514", "tcp://127.0.0.1:5514"]
channels = ["main"]

[channels.main]
type = "memory"
capacity = "4MiB"
when_full = "block"

[sinks.archive]
type = "file"
channel = "main"
path = "$data/logs/%Y-%m-%d.log.zst"
encoding = "text"
compression = { codec = "zstd", level = 1 }
batch = { max_bytes = "256KiB", linger = "1s" }
roll = { max_bytes = "64MiB", max_age = "1h" }
TOML

echo "configuration: $config"
echo "data:          $data/logs"
[ -n "$once" ] || echo "try:           logger --server 127.0.0.1 --port 5514 --tcp hello    (Ctrl-C ends)"
code=0
trap : INT # Ctrl-C goes to the agent, which drains; this script waits for it.
"$runnel" run -c "$config" --live $once || code=$?
trap - INT
if [ $code -ne 0 ]; then
  echo "the agent ended with exit code $code; its last log lines say why" >&2
  exit $code
fi
if ls "$data"/logs/*.zst >/dev/null 2>&1; then
  echo "the data is in $data/logs; read it with: zstdcat $data/logs/*.zst | less"
else
  echo "nothing was collected: no file of /var/log could be read, or there is nothing in them"
fi
