#!/usr/bin/env bash
# node.sh VERSION: that release of Node.js, from its npm package; node-22.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

version=$1
name=node-${version%%.*}
directory=$cache/node-$version
executable=$directory/node_modules/node/bin/node
known "$name" "$executable" && exit
rm -rf "$directory"
mkdir "$directory"
echo '{ "private": true, "allowScripts": { "node": true } }' > "$directory/package.json"
npm install --silent --no-audit --no-fund --prefix "$directory" "node@$version"
[ "$("$executable" --version)" = "v$version" ]
publish "$name" "$executable"
