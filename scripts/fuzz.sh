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
# No sanitizer: those need a nightly toolchain. Counts of edges and their rarity cost more than they
# find here, most of all where a run is as short as ours.
options=(--sanitizer none --target-dir "$build")
search=(-entropic=0 -use_counters=0 -reload=0)

command -v g++ >/dev/null || {
  printf 'fw-limits: libFuzzer needs a C++ compiler: apt-get install g++\n' >&2
  exit 1
}
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

for target in "$@"; do
  # A history of 48 bytes has about ten steps; longer ones are what `make model` is for.
  length=128
  [[ $target != histories ]] || length=48
  grown=$build/corpus/$target
  mkdir -p "$grown" "fuzz/corpus/$target"
  began=$SECONDS
  cargo fuzz run "${options[@]}" "$target" "$grown" "fuzz/corpus/$target" -- \
    -runs="$runs" -max_len="$length" "${search[@]}" -verbosity=0
  printf 'fuzz: %s: %s executions in %s s, and nothing found\n' \
    "$target" "$runs" "$((SECONDS - began))"
  if [[ ${FW_FUZZ_KEEP:-no} == yes ]]; then
    cp -n "fuzz/corpus/$target"/* "$grown"
    cargo fuzz cmin "${options[@]}" "$target" "$grown" -- -use_counters=0 -verbosity=0
    rm -rf "fuzz/corpus/$target"
    cp -r "$grown" "fuzz/corpus/$target"
  fi
done
