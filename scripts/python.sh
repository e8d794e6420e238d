#!/usr/bin/env bash
# Installs the Python client, as its users would, into a virtual environment in target/clients/python,
# and checks and tests it and examples/fastapi there, on real servers. The libraries are pinned, and
# checked against the hashes in the repository. FW_MODULE names the module, FWCTL fwctl, else the debug
# builds.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
into=$target/clients/python
list=clients/python/requirements.txt

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

export FW_MODULE=${FW_MODULE:-$target/debug/libfw_limits.so}
[[ -e $FW_MODULE ]] || die "the module is not built: there is no $FW_MODULE. Run: cargo build"
FW_MODULE=$(realpath -- "$FW_MODULE")
export FWCTL=${FWCTL:-$target/debug/fwctl}
[[ -e $FWCTL ]] || die "fwctl is not built: there is no $FWCTL. Run: cargo build -p fwctl"
FWCTL=$(realpath -- "$FWCTL")
export PYTHONDONTWRITEBYTECODE=1 RUFF_NO_CACHE=true

sum=$(sha256sum <"$list")
if [[ ! -e $into/list.sha256 || $(<"$into/list.sha256") != "$sum" ]]; then
  rm -rf -- "$into"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "the Python client needs Python 3.11 or newer."
  python3 -m venv "$into" || die "Python has no venv. On Debian: apt-get install python3-venv"
  "$into/bin/pip" install --quiet --no-deps --require-hashes -r "$list" </dev/null ||
    die "the libraries of $list could not be installed (see above). Needed is PyPI."
  printf '%s\n' "$sum" >"$into/list.sha256"
fi
python=$(realpath -s -- "$into/bin/python")
"$python" -m pip install --quiet --no-deps --no-build-isolation --force-reinstall ./clients/python

config=clients/python/pyproject.toml
"$python" -m ruff format --check --config "$config" clients/python examples/fastapi
"$python" -m ruff check --config "$config" clients/python examples/fastapi
(cd clients/python && "$python" -m mypy --cache-dir=/dev/null src tests)
(cd examples/fastapi &&
  MYPYPATH=../../clients/python/tests "$python" -m mypy --strict --cache-dir=/dev/null ./*.py)
(cd clients/python && "$python" -m pytest -q -p no:cacheprovider)
(cd examples/fastapi && "$python" -m pytest -q -p no:cacheprovider)
