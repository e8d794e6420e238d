#!/usr/bin/env bash
# Installs the client libraries that tests/clients plays with into target/clients/: pinned versions,
# checked against the hashes in the repository. What is installed already is left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

into=${CARGO_TARGET_DIR:-target}/clients

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

# A client is installed anew when its folder lacks the checksum of the list it came from.
stale() { # list, folder
  local sum
  sum=$(sha256sum <"$1")
  [[ ! -e $2/list.sha256 || $(<"$2/list.sha256") != "$sum" ]]
}

with_pip() { # client
  local list=tests/clients/$1/requirements.txt folder=$into/$1
  stale "$list" "$folder" || return 0
  rm -rf -- "$folder"
  python3 -m pip install --quiet --no-deps --require-hashes --target "$folder" -r "$list" </dev/null ||
    die "$1 could not be installed (see above). Needed are Python 3.10 or newer with pip, and PyPI."
  sha256sum <"$list" >"$folder/list.sha256"
}

with_npm() { # client
  local list=tests/clients/$1/package-lock.json folder=$into/$1
  stale "$list" "$folder" || return 0
  rm -rf -- "$folder"
  mkdir -p "$folder"
  cp "tests/clients/$1/package.json" "$list" "$folder"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null ||
    die "$1 could not be installed (see above). Needed are Node 20 or newer with npm, and the npm registry."
  sha256sum <"$list" >"$folder/list.sha256"
}

with_pip redis-py
with_npm node-redis
with_npm ioredis
