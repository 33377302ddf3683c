#!/bin/sh
# Install Debian packages when run as root; otherwise name them in one line and fail.
# Usage: sh scripts/apt.sh WHY PACKAGE...
set -eu

why=$1
shift

if ! command -v apt-get >/dev/null 2>&1; then
    echo "flowkeys: $why. Install: $* (this machine has no apt-get)." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "flowkeys: $why. Install it with: sudo apt-get install $*" >&2
    exit 1
fi

echo "flowkeys: installing $* with apt-get"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
wait_for_lock='-o DPkg::Lock::Timeout=120'
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $wait_for_lock "$@"; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    echo "flowkeys: $why, and apt-get could not install: $*" >&2
    exit 1
fi
