#!/usr/bin/env bash
# A registry that has the referrers API: go-containerregistry's, with that API switched on.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

source=$(cd "$(dirname "$0")/referrers-registry" && pwd)
version=$(cat "$source"/{main.go,go.mod,go.sum} | sha256sum | cut -c1-16)
directory=$cache/referrers-registry-$version
executable=$directory/referrers-registry
known referrers-registry "$executable" && exit
mkdir -p "$directory"
(cd "$source" && CGO_ENABLED=0 go build -trimpath -o "$executable" .)
publish referrers-registry "$executable"
