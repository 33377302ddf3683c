#!/bin/sh
# Install the programs that only apt can bring. What cannot be installed is named, and never fails here:
# the tests that need it are skipped, and CI counts a skipped test as a failure.
set -eu

missing=
for pair in node:nodejs npm:npm wrk:wrk curl:curl openssl:openssl; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done

# Pages are looked at with fonts that have Hebrew, Arabic and emoji; chromium itself brings none.
command -v chromium >/dev/null 2>&1 ||
    missing="$missing chromium fonts-dejavu-core fonts-liberation fonts-noto-color-emoji"

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    sh scripts/apt.sh "tests that need$missing are skipped without it" $missing || true
fi
