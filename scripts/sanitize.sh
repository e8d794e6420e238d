#!/usr/bin/env bash
# Runs the server tests with every server under valgrind's memcheck, and fails if memcheck reports
# anything that scripts/memcheck.supp does not explain: a read or write of memory that is freed or
# was never given, a decision by what was never set, memory lost. Arguments choose tests by their
# names: bash scripts/sanitize.sh persistence:: panics::
set -euo pipefail
cd "$(dirname "$0")/.."

server=${FW_REDIS_SERVER:-redis-server}
program=$(command -v -- "$server") || { echo "fw-limits: there is no '$server'" >&2; exit 1; }
# Linked into the server, jemalloc could not be replaced, and memcheck would see nothing and say so
# of no test.
[[ $(ldd "$program") == *libjemalloc* ]] || {
  echo "fw-limits: '$server' does not load libjemalloc as a library, as Debian's does; memcheck would be blind." >&2
  exit 1
}

command -v valgrind >/dev/null || {
  echo "fw-limits: valgrind is missing; make sanitize installs it" >&2
  exit 1
}
cargo build --locked
FW_MEMCHECK=$(mktemp -d "${TMPDIR:-/tmp}/fw-memcheck.XXXXXX")
export FW_MEMCHECK
began=$SECONDS tests=0
# Servers are asked to end, so that what is lost is told; they take their time.
FW_MEMCHECK_SERVER=$server FW_REDIS_SERVER=$PWD/scripts/memcheck-server.sh FW_PATIENCE=600 \
  cargo test --locked --test server -- --test-threads 2 "$@" </dev/null || tests=$?

shopt -s nullglob
logs=("$FW_MEMCHECK"/*.log)
told=()
for log in "${logs[@]}"; do
  [[ ! -s $log ]] || told+=("$log")
done
if ((${#logs[@]} == 0)); then
  echo "fw-limits: no server ran under memcheck" >&2
  exit 1
fi
printf 'memcheck: %s servers and their children in %s s, %s with something to tell\n' \
  "${#logs[@]}" "$((SECONDS - began))" "${#told[@]}"
if ((${#told[@]})); then
  cat "${told[@]}"
  exit 1
fi
rm -rf -- "$FW_MEMCHECK"
exit "$tests"
