#!/bin/sh
# Install what the pages are checked for accessibility with: axe-core (MPL-2.0), used by tests and never shipped.
set -eu

folder=build/browser
axe=4.14.1

# scripts/tools.sh has said that npm is missing.
command -v npm >/dev/null 2>&1 || exit 0

mkdir -p "$folder"
echo "flowkeys: installing axe-core $axe into $folder"
npm install --silent --no-audit --no-fund --no-package-lock --prefix "$folder" "axe-core@$axe" </dev/null
touch "$folder/.ready"
