#!/usr/bin/env bash
# The components that Debian has as they are needed. docker-registry is unpacked beside the others:
# as an installed package it would start a service.
set -euo pipefail
. "$(dirname "$0")/cache.sh"
APT_OPTIONS=()

tools=(curl iproute2 jq openssl python3 strace unzip wrk zip)
missing=()
for tool in "${tools[@]}"; do
  dpkg -s "$tool" > /dev/null 2>&1 || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" > /dev/null
  echo "  installed: ${missing[*]}"
fi

version=$(apt-cache policy docker-registry | sed -n 's/^  Candidate: //p' | tr -c 'A-Za-z0-9.\n' _)
directory=$cache/docker-registry-$version
executable=$directory/usr/bin/docker-registry
known docker-registry "$executable" && exit
rm -rf "$directory"
unpack "$directory" docker-registry
publish docker-registry "$executable"
