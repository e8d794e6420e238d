#!/usr/bin/env bash
# Tests the page of `fwctl dashboard` in a browser without a screen, on a real server. The driver of
# the browser is pinned, and checked against the hashes in the repository; it is installed in
# target/dashboard. FW_CHROMIUM names another browser, FW_MODULE another module than the debug build.
# With FW_KEEP=yes the picture docs/dashboard.png is taken anew.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
into=$(realpath -m -- "$target/dashboard")
from=fwctl/tests/dashboard

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

export FW_MODULE=${FW_MODULE:-$target/debug/libfw_limits.so}
export FWCTL=$target/debug/fwctl
for built in "$FW_MODULE" "$FWCTL"; do
  [[ -e $built ]] || die "there is no $built. Run: cargo build && cargo build --package fwctl"
done
FW_MODULE=$(realpath -- "$FW_MODULE")
FWCTL=$(realpath -- "$FWCTL")

if [[ -z ${FW_CHROMIUM:-} ]]; then
  FW_CHROMIUM=$(command -v chromium-headless-shell || command -v chromium || true)
fi
[[ -n $FW_CHROMIUM ]] ||
  die "there is no Chromium. Run on Debian, as root: apt-get install chromium-headless-shell; else name one in FW_CHROMIUM."
export FW_CHROMIUM
case ${FW_KEEP:-} in
  yes) FW_KEEP=$(realpath -- docs)/dashboard.png ;;
  *) FW_KEEP= ;;
esac
export FW_KEEP

sum=$(cat "$from/package.json" "$from/package-lock.json" | sha256sum)
if [[ ! -e $into/list.sha256 || $(<"$into/list.sha256") != "$sum" ]]; then
  rm -rf -- "$into"
  mkdir -p "$into"
  cp "$from/package.json" "$from/package-lock.json" "$into"
  npm ci --prefix "$into" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null ||
    die "the driver of the browser could not be installed (see above). Needed are Node 20 or newer with npm, and the npm registry."
  printf '%s\n' "$sum" >"$into/list.sha256"
fi

cp "$from"/*.test.js "$into"
cd "$into"
node --test --test-reporter=spec page.test.js
