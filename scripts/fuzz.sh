#!/usr/bin/env bash
# Runs every fuzz target FW_FUZZ_RUNS times, one after the other, or those that are named. What a run
# finds is an input under fuzz/artifacts: mend the code, and keep the input under fuzz/found/<target>,
# where `make test` runs it again. New inputs grow under target/; FW_FUZZ_KEEP=yes puts the fewest that
# cover all that they cover in the place of fuzz/corpus/<target>.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin" # where cargo installs

runs=${FW_FUZZ_RUNS:-10000000}
build=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
[[ $# -gt 0 ]] || set -- arguments account effect histories
# Counts of edges and their rarity cost more than they
# find here, most of all where a run is as short as ours.
search=(-entropic=0 -use_counters=0 -reload=0)

command -v g++ >/dev/null || {
  printf 'fw-limits: libFuzzer needs a C++ compiler: apt-get install g++\n' >&2
  exit 1
}
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

for target in "$@"; do
  # No sanitizer: those need a nightly toolchain.
  options=(--sanitizer none --target-dir "$build")
  length=128
  if [[ $target == histories ]]; then
    # That is about ten steps; longer ones are what `make model` is for. Bytes that choose are never
    # compared with anything, so there is nothing to learn from comparisons.
    length=48
    options+=(--no-trace-compares)
  fi
  grown=$build/corpus/$target
  mkdir -p "$grown" "fuzz/corpus/$target"
  began=$SECONDS
  cargo fuzz run "${options[@]}" "$target" "$grown" "fuzz/corpus/$target" -- \
    -runs="$runs" -max_len="$length" "${search[@]}" -verbosity=0
  printf 'fuzz: %s: %s executions in %s s, and nothing found\n' \
    "$target" "$runs" "$((SECONDS - began))"
  if [[ ${FW_FUZZ_KEEP:-no} == yes ]]; then
    # `cargo fuzz cmin` would keep twice as many.
    fewest=$(mktemp -d "$build/fewest.XXXXXX")
    cargo fuzz run "${options[@]}" "$target" "$fewest" "$grown" "fuzz/corpus/$target" -- \
      -set_cover_merge=1 "${search[@]}" -verbosity=0
    rm -rf "fuzz/corpus/$target"
    mv "$fewest" "fuzz/corpus/$target"
  fi
done
