#!/usr/bin/env bash
# Makes sure that everything needed to build, run and test is here: redis-server, redis-cli, a C
# compiler, libclang (the module's bindings are generated with it) and a Rust toolchain.
# What Debian or Ubuntu can provide is installed; for the rest it says what to do, and fails.
# Where nothing is missing it changes nothing and needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH="$PATH:/usr/sbin" # where Debian has nginx

missing=()  # packages to install
problems=() # what no package can mend

has() { command -v -- "$1" >/dev/null; }

can_compile() {
  printf '#include <stdlib.h>\nint main(void) { return 0; }\n' |
    cc -x c -o /dev/null - 2>/dev/null
}

# bindgen needs the library and clang's own headers (stddef.h). libclang1 comes without them, and
# is often there already, because other packages depend on it.
has_libclang() {
  [[ -z ${LIBCLANG_PATH:-} ]] || return 0
  local dirs=(/usr/lib/llvm-*/lib /usr/local/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/lib) dir
  if has llvm-config; then dirs=("$(llvm-config --libdir)" "${dirs[@]}"); fi
  for dir in "${dirs[@]}"; do
    if { compgen -G "$dir/libclang.so*" || compgen -G "$dir/libclang-[0-9]*.so*"; } >/dev/null &&
      compgen -G "$dir/clang/*/include/stddef.h" >/dev/null; then
      return 0
    fi
  done
  return 1
}

check_rust() {
  local wanted found
  if ! has cargo || ! found=$(rustc --version 2>/dev/null); then
    problems+=("cargo and rustc are missing. Install Rust from https://rustup.rs, then open a new shell.")
    return
  fi
  found=$(cut -d ' ' -f 2 <<<"$found")
  wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml 2>/dev/null || true)
  if [[ -n $wanted && $(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1) != "$wanted" ]]; then
    problems+=("rustc is $found, but $wanted or newer is needed. Run: rustup update stable")
  fi
}

# Servers are started by 'make run' and by tests, never as services: redis-server's own start would
# take port 6379, nginx's port 80. Package scripts ask policy-rc.d before they start anything; while
# we install, it says no.
policy=/usr/sbin/policy-rc.d
aside=$policy.fw-limits-aside
as_root=()

exists() { [[ -e $1 || -L $1 ]]; }

forbid_starts() {
  # Where an earlier run was killed, the machine's own policy is still aside: that one is kept.
  if exists "$policy" && ! exists "$aside"; then "${as_root[@]}" mv "$policy" "$aside"; fi &&
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null &&
    "${as_root[@]}" chmod 755 "$policy"
}

restore_policy() {
  if exists "$aside"; then
    "${as_root[@]}" mv -f "$aside" "$policy"
  else
    "${as_root[@]}" rm -f "$policy"
  fi
}

install_missing() {
  if ! has apt-get; then
    echo "fw-limits: there is no apt-get here" >&2
    return 1
  fi
  if ((EUID != 0)); then
    if ! has sudo; then
      echo "fw-limits: this needs root, and there is no sudo" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "fw-limits: installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300)
  # One broken third-party list must not stop us; if ours is broken too, the install says so.
  "${apt[@]}" update </dev/null || echo "fw-limits: apt-get update failed, trying all the same" >&2
  trap restore_policy EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  forbid_starts && "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null || return 1
  # Nor may they start with the next boot.
  local service
  for service in redis-server nginx prometheus prometheus-node-exporter; do
    [[ " ${missing[*]} " == *" $service "* ]] || continue
    "${as_root[@]}" update-rc.d "$service" disable >/dev/null 2>&1 || true
    if has systemctl; then "${as_root[@]}" systemctl disable "$service" >/dev/null 2>&1 || true; fi
  done
}

[[ -n ${FW_REDIS_SERVER:-} ]] || has redis-server || missing+=(redis-server)
{ has redis-cli && has redis-benchmark; } || missing+=(redis-tools)
can_compile || missing+=(gcc libc6-dev)
for program in "$@"; do has "$program" || missing+=("$program"); done # packages of the same name
has_libclang || missing+=(libclang-dev)

# In a subshell, so that the policy is restored at once, whatever happens.
if ((${#missing[@]})) && ! (install_missing); then
  problems+=("could not install what is missing. On Debian or Ubuntu, as root: apt-get install ${missing[*]}")
fi
check_rust

if ((${#problems[@]})); then
  printf 'fw-limits: %s\n' "${problems[@]}" >&2
  exit 1
fi
bash scripts/check-server.sh "${FW_REDIS_SERVER:-redis-server}"
