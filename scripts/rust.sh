#!/usr/bin/env bash
# Checks the Rust client and examples/axum with clippy, and tests them on real servers. FW_MODULE names
# the module, else the debug build.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

export FW_MODULE=${FW_MODULE:-$target/debug/libfw_limits.so}
[[ -e $FW_MODULE ]] || die "the module is not built: there is no $FW_MODULE. Run: cargo build"
# Tests run in the folder of their package.
FW_MODULE=$(realpath -- "$FW_MODULE")

both=(-p fw-limits-client -p fw-limits-axum)
cargo clippy --locked "${both[@]}" --all-targets --all-features -- -D warnings
cargo clippy --locked -p fw-limits-client --no-default-features -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked -p fw-limits-client --no-deps
cargo test --locked "${both[@]}"
