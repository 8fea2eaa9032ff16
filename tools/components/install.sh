#!/usr/bin/env bash
# Installs every real component the tests know, on Debian 12 as root with Go present. What is
# installed already costs a moment.
set -euo pipefail
cd "$(dirname "$0")"

bash packages.sh
bash skopeo.sh
bash referrers-registry.sh
bash cosign.sh 2.6.5
bash cosign.sh 3.1.3
bash signpath-java-client.sh 1.0.2
bash node.sh 22.23.3
