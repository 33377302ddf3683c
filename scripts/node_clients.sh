#!/bin/sh
# Install the unmodified Node clients of Flowise, away from everything else.
set -eu

folder=build/clients/node
sdk=1.0.9

# scripts/tools.sh has said that npm is missing.
command -v npm >/dev/null 2>&1 || exit 0

mkdir -p "$folder"
echo "flowkeys: installing flowise-sdk $sdk into $folder"
npm install --silent --no-audit --no-fund --no-package-lock --prefix "$folder" "flowise-sdk@$sdk" </dev/null
touch "$folder/.ready"
