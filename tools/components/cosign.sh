#!/usr/bin/env bash
# cosign.sh VERSION: builds that release of cosign from its Go module; cosign-2 or cosign-3.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

version=$1
major=${version%%.*}
directory=$cache/cosign-$version
executable=$directory/cosign
known "cosign-$major" "$executable" && exit
module=github.com/sigstore/cosign/v$major
cd /
CGO_ENABLED=0 GOBIN=$directory go install -trimpath -ldflags '-s -w' "$module/cmd/cosign@v$version"
"$executable" version 2>&1 | grep -q "GitVersion: *v$version"
publish "cosign-$major" "$executable"
