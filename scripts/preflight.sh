#!/usr/bin/env bash
# Names everything missing at once, in one line. Usage: scripts/preflight.sh demo|demo-languages|test
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

target=${1:?demo, demo-languages or test}
languages="demo-languages test"
need "demo $languages" "Node.js >= $node" node -e "process.exit(parseInt(process.versions.node, 10) < $node ? 1 : 0)"
need "demo $languages" "npm" npm --version
need "$languages" "Python >= 3.10" python3 -c "import sys; sys.exit(sys.version_info < (3, 10))"
need "demo-languages" "Rust >= 1.91 (rustup.rs)" cargo --version
need "test" "Rust >= 1.91 with rustfmt and clippy (rustup.rs)" sh -c "cargo fmt --version && cargo clippy --version"
need "$languages" "Python's venv and pip (Debian: python3-venv, python3-pip)" python3 -c "import venv, ensurepip, pip"

# debian "what it is for" its Debian package, and a command that succeeds if it is there
packages=()
debian() {
  local before=${#missing[@]}
  need "${for:-$languages}" "$1 (Debian: $2)" "${@:3}"
  ((${#missing[@]} == before)) || packages+=("$2")
}
finds() { printf '#if !__has_include(<%s>)\n#error\n#endif\n' "$1" | g++ -E -x c++ -; }
header() { debian "$1" "$2" finds "$3"; }
debian "a C++17 compiler" g++ g++ --version
debian "CMake >= 3.20" cmake bash -c '[[ $(cmake --version) =~ ([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] * 100 + BASH_REMATCH[2] >= 320))'
debian "make" make make --version
for=test debian "openssl" openssl openssl version
debian "protoc" protobuf-compiler protoc --version
debian "gRPC's plugin of protoc" protobuf-compiler-grpc command -v grpc_cpp_plugin
header "gRPC for C++" libgrpc++-dev grpcpp/grpcpp.h
header "protobuf for C++" libprotobuf-dev google/protobuf/message.h
header "nlohmann-json" nlohmann-json3-dev nlohmann/json.hpp
header "zlib" zlib1g-dev zlib.h
for=test debian "PostgreSQL's server" postgresql bash -c 'compgen -G "/usr/lib/postgresql/*/bin/initdb" || command -v initdb'
for=test header "doctest" doctest-dev doctest/doctest.h

# Who may, installs what Debian has, once; what is missing then is named.
if ((${#packages[@]})) && [[ $EUID == 0 && -z ${CAIRN_PREFLIGHT_AGAIN-} ]] && command -v apt-get >/dev/null; then
  echo "installing ${packages[*]}" >&2
  log=$(mktemp)
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 ||
    tail -3 "$log" >&2
  rm -f "$log"
  CAIRN_PREFLIGHT_AGAIN=1 exec "$0" "$target"
fi

if ((${#missing[@]})); then
  printf -v list '%s; ' "${missing[@]}"
  echo "make $target needs what is missing here: ${list%; }" >&2
  exit 1
fi
