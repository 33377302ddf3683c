#!/bin/sh
# Install the unmodified Node clients that the tests call us with, away from everything else: Flowise's, and
# those that wait when a limit refuses them.
set -eu

folder=build/clients/node
clients='flowise-sdk@1.0.9 ky@2.1.0 got@16.1.0 axios@1.21.1 axios-retry@4.5.0'

# scripts/tools.sh has said that npm is missing.
command -v npm >/dev/null 2>&1 || exit 0

mkdir -p "$folder"
echo "flowkeys: installing $clients into $folder"
# shellcheck disable=SC2086 - each is a package
npm install --silent --no-audit --no-fund --no-package-lock --prefix "$folder" $clients </dev/null
touch "$folder/.ready"
