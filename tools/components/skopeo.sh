#!/usr/bin/env bash
# skopeo 1.18 of Debian 13: the 1.9 of Debian 12 is built without Sigstore signatures. It runs with
# the C library of its own release, through that library's loader.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

directory=$cache/skopeo-1.18
executable=$directory/skopeo
known skopeo "$executable" && exit
rm -rf "$directory"
mkdir -p "$directory/apt/lists/partial" "$directory/apt/archives/partial"

# Debian 13's sources are this machine's own with the release's name changed.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if [ -f "$source" ] && grep -q "debian.*$release\|Suites:.*$release" "$source"; then
    sed "s/\b$release\b/trixie/g" "$source" > "$directory/apt/${source##*/}"
  fi
done
APT_OPTIONS=(
  -o Dir::Etc::sourcelist=-
  -o "Dir::Etc::sourceparts=$directory/apt"
  -o "Dir::State::lists=$directory/apt/lists"
  -o "Dir::Cache=$directory/apt"
  -o APT::Sandbox::User=root
  -o APT::Update::Error-Mode=any
)
apt-get -qq "${APT_OPTIONS[@]}" update
unpack "$directory/root" skopeo libc6 libgpgme11t64 libassuan9 libgpg-error0 libsqlite3-0
rm -rf "$directory/apt"

libraries=$(dirname "$directory"/root/usr/lib/*/libc.so.6)
loader=$(echo "$libraries"/ld-linux*.so.*)
cat > "$executable" << END
#!/bin/sh
exec "$loader" --library-path "$libraries" "$directory/root/usr/bin/skopeo" "\$@"
END
chmod +x "$executable"
"$executable" --version > /dev/null
publish skopeo "$executable"
