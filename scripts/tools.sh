#!/bin/sh
# Install the programs that only apt can bring. What cannot be installed is named, and never fails here:
# the tests that need it are skipped, and CI counts a skipped test as a failure.
set -eu

RUNLEVEL=1 # Debian starts no service then: tests start their own Redis
export RUNLEVEL

missing=
for pair in node:nodejs npm:npm wrk:wrk curl:curl openssl:openssl redis-server:redis-server \
    pgbouncer:pgbouncer; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done

# Pages are looked at with fonts that have Hebrew, Arabic and emoji; chromium itself brings none.
command -v chromium >/dev/null 2>&1 ||
    missing="$missing chromium fonts-dejavu-core fonts-liberation fonts-noto-color-emoji"

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    sh scripts/apt.sh "tests that need$missing are skipped without it" $missing || true
fi

# Half of the work of a browser is what surrounds its window, and tests show none. Debian has the engine alone;
# where it cannot be had, chromium does the same.
if ! command -v chromium-headless-shell >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ] &&
    command -v apt-cache >/dev/null 2>&1 && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    sh scripts/apt.sh "tests of pages take longer without it" chromium-headless-shell || true
fi
