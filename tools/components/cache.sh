# Sourced by the scripts beside it: where the components are kept, and how one is made known.
#
# The cache is $CHANCERY_COMPONENTS, by default ~/.cache/chancery-components. Each component has a
# directory <name>-<version>; bin/ has one entry for each, which test/support/components.ts reads.

cache=${CHANCERY_COMPONENTS:-$HOME/.cache/chancery-components}
mkdir -p "$cache/bin"

# known NAME EXECUTABLE: exit status 0 when NAME is EXECUTABLE already, and there is nothing to do.
known() {
  [ "$(readlink "$cache/bin/$1" || true)" = "$2" ] && [ -x "$2" ]
}

# publish NAME EXECUTABLE: NAME is EXECUTABLE from now on; the last step of every installation.
publish() {
  ln -sfn "$2" "$cache/bin/$1.new"
  mv -fT "$cache/bin/$1.new" "$cache/bin/$1"
  echo "  $1: installed"
}

# unpack DIRECTORY PACKAGE...: downloads Debian packages with apt and unpacks them, without
# installing them: nothing is started and nothing of the system is replaced.
# APT_OPTIONS, an array, chooses other sources.
unpack() {
  local directory=$1 downloads package
  shift
  downloads=$(mktemp -d)
  (cd "$downloads" && apt-get -qq "${APT_OPTIONS[@]}" -o APT::Sandbox::User=root download "$@")
  mkdir -p "$directory"
  for package in "$downloads"/*.deb; do
    dpkg -x "$package" "$directory"
  done
  rm -rf "$downloads"
}
