#!/usr/bin/env bash
# Builds, checks and tests the TypeScript client, and examples/nginx on the package that its users
# would install, on real servers. All of it happens in target/clients/typescript: nothing is written
# among the sources. The libraries are pinned, and checked against the hashes in the repository.
# FW_MODULE names the module, else the debug build.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
into=$(realpath -m -- "$target/clients/typescript")
client=clients/typescript

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

export FW_MODULE=${FW_MODULE:-$target/debug/libfw_limits.so}
[[ -e $FW_MODULE ]] || die "the module is not built: there is no $FW_MODULE. Run: cargo build"
FW_MODULE=$(realpath -- "$FW_MODULE")

sum=$(cat "$client/package.json" "$client/package-lock.json" | sha256sum)
if [[ ! -e $into/list.sha256 || $(<"$into/list.sha256") != "$sum" ]]; then
  rm -rf -- "$into"
  mkdir -p "$into"
  cp "$client/package.json" "$client/package-lock.json" "$into"
  npm ci --prefix "$into" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null ||
    die "the libraries of $client could not be installed (see above). Needed are Node 20 or newer with npm, and the npm registry."
  printf '%s\n' "$sum" >"$into/list.sha256"
fi

rm -rf -- "$into/clients" "$into/examples" "$into/node_modules/fw-limits"
tar -c --exclude=node_modules --exclude=build --exclude=dist "$client" examples/nginx | tar -x -C "$into"
export PATH=$into/node_modules/.bin:$PATH

cd "$into/$client"
prettier --check --log-level warn . ../../examples/nginx
tsc -p tsconfig.json
node --test --test-reporter=dot build/tests/*.test.js
npm run --silent build
mkdir -p ../../node_modules/fw-limits
npm pack --silent >/dev/null
tar -xzf fw-limits-*.tgz -C ../../node_modules/fw-limits --strip-components 1

cd ../../examples/nginx
tsc -p tsconfig.json
tsc -p tsconfig.test.json
node --test --test-reporter=dot build/test/examples/nginx/tests/*.test.js
