#!/usr/bin/env bash
# signpath-java-client.sh VERSION: SignPath's own client library for Java with what it depends on,
# as a `java` that has them in its class path.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

version=$1
directory=$cache/signpath-java-client-$version
executable=$directory/java
known signpath-java-client "$executable" && exit
missing=()
command -v javac > /dev/null || missing+=(default-jdk-headless)
command -v mvn > /dev/null || missing+=(maven)
if [ ${#missing[@]} -gt 0 ]; then
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" > /dev/null
  echo "  installed: ${missing[*]}"
fi

rm -rf "$directory"
mkdir -p "$directory"
cat > "$directory/pom.xml" << END
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>chancery</groupId>
  <artifactId>signpath-java-client</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>io.signpath.javaclient</groupId>
      <artifactId>api-client</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
END
repository=$(mktemp -d)
mvn --quiet --batch-mode --file "$directory/pom.xml" "-Dmaven.repo.local=$repository" \
  dependency:copy-dependencies "-DoutputDirectory=$directory/jars"
rm -rf "$repository"
cat > "$executable" << END
#!/bin/sh
exec java -cp '$directory/jars/*' "\$@"
END
chmod +x "$executable"
publish signpath-java-client "$executable"
