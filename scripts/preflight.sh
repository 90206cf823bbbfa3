#!/usr/bin/env bash
# Names everything missing at once, in one line. Usage: scripts/preflight.sh demo|test
set -u

# On Linux x64 npm brings Node 24 itself; elsewhere the system's own must be that new. (Packages of it for other systems
# exist, but two that claim the command `node` make npm before 11.19 link neither.)
case "$OSTYPE-$HOSTTYPE" in
  linux-gnu-x86_64) node=20 ;;
  *) node=24 ;;
esac

missing=()

# need "the targets that need it" "what it is called" a command that succeeds if it is there
need() {
  [[ " $1 " == *" $target "* ]] || return 0
  "${@:3}" >/dev/null 2>&1 || missing+=("$2")
}

target=${1:?demo or test}
need "demo test" "Node.js >= $node" node -e "process.exit(parseInt(process.versions.node, 10) < $node ? 1 : 0)"
need "demo test" "npm" npm --version
need "test" "Python >= 3.10" python3 -c "import sys; sys.exit(sys.version_info < (3, 10))"
need "test" "Rust >= 1.91 with rustfmt and clippy (rustup.rs)" sh -c "cargo fmt --version && cargo clippy --version"
need "test" "Python's venv and pip (Debian: python3-venv, python3-pip)" python3 -c "import venv, ensurepip, pip"

if ((${#missing[@]})); then
  printf -v list '%s; ' "${missing[@]}"
  echo "make $target needs what is missing here: ${list%; }" >&2
  exit 1
fi
