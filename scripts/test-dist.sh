#!/usr/bin/env bash
# Unpacks the archive of target/dist/ into an empty folder, as a user would, and looks at what is in
# it: the checksum, the module's symbols, and whether a server with its redis.conf serves.
# FW_REDIS_SERVER chooses the server.
set -euo pipefail
cd "$(dirname "$0")/.."

dist=$(realpath -- "${CARGO_TARGET_DIR:-target}/dist")
server=${FW_REDIS_SERVER:-redis-server}

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

folder=$(mktemp -d)
pid=
# shellcheck disable=SC2329 # the trap calls it
clean_up() {
  [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
  rm -rf -- "$folder"
}
trap clean_up EXIT

(cd "$dist" && sha256sum --check --quiet SHA256SUMS) || die "SHA256SUMS does not match the archive."
archive=("$dist"/*.tar.gz)
((${#archive[@]} == 1)) || die "there is not one archive in $dist but ${#archive[@]}."
tar -xzf "${archive[0]}" --strip-components=1 -C "$folder"
# Packed anew, the same bytes: nothing in it depends on when and in what order it was packed.
cp "$dist/SHA256SUMS" "$folder/SHA256SUMS"
bash scripts/dist.sh >/dev/null
cmp "$dist/SHA256SUMS" "$folder/SHA256SUMS" || die "packed again, the archive is another one."

module=$folder/libfw_limits.so
[[ $(stat -c %a "$module") == 755 ]] || die "the module is not executable: Redis would not load it."
sections=$(readelf -SW "$module")
[[ $sections != *.debug_* && $sections != *.symtab* ]] || die "the module has debug sections or symbols."
# The lists of the crate linkme are the linker's own names, and protected.
exported=$(objdump -T "$module" | awk '/^[0-9a-f]+ / && !/\*UND\*/ { print $NF }' | grep -vE '^__(start|stop)_linkm(e|2)_' | sort -u)
[[ $exported == RedisModule_OnLoad ]] || die "the module exports more, or less, than RedisModule_OnLoad:" "$exported"
needed=$(readelf -dW "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc\.so\.6|libgcc_s\.so\.1|ld-linux-.*)$' || true)
[[ -z $needed ]] || die "the module needs more than glibc and libgcc_s:" "$needed"
# systemd's MemoryDenyWriteExecute= forbids such segments.
! readelf -lW "$module" | grep -E '(LOAD|GNU_STACK).* RWE ' || die "a segment is writable and executable."
for path in "$PWD" "$HOME/" "${CARGO_HOME:-$HOME/.cargo}"; do
  ! grep -qF -- "$path" "$module" || die "the module carries a path of this machine: $path"
done
glibc=$(objdump -T "$module" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
grep -qF "glibc ${glibc#GLIBC_} or newer" "$folder/INSTALL" || die "INSTALL does not say that it needs $glibc."
for crate in redis-module hashbrown xxhash-rust; do
  grep -q "^$crate [0-9]" "$folder/THIRD-PARTY.txt" || die "THIRD-PARTY.txt lacks $crate."
done
[[ -s $folder/LICENSE && -s $folder/RUST-LIBRARY.html ]] || die "a licence is missing."

# As it is shipped, but for the two folders and the port.
grep -qx 'loadmodule /usr/lib/redis/modules/libfw_limits.so' "$folder/redis.conf" || die "redis.conf does not load the module."
sed -e "s|/usr/lib/redis/modules|$folder|" -e "s|^dir .*|dir $folder|" -e 's|^port .*|port 0|' "$folder/redis.conf" >"$folder/here.conf"
printf 'unixsocket %s\n' "$folder/socket" >>"$folder/here.conf"
"$server" "$folder/here.conf" >"$folder/log" 2>&1 &
pid=$!
ask() { redis-cli -e -s "$folder/socket" "$@"; }
until ask PING >/dev/null 2>&1; do
  if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > 60)); then
    die "the server did not start:" "$(tail -n 20 "$folder/log")"
  fi
  sleep 0.1
done
answer=$(ask FW.ADMIT acct:42 | tr '\n' ' ')
[[ $answer == "OK requests 600 599 60000 0 " ]] || die "FW.ADMIT answered: $answer"
[[ $(ask MODULE LIST) == *"$module"* ]] || die "MODULE LIST does not name $module."
[[ $(ask INFO fw) == *fw_admitted:1* ]] || die "INFO fw did not count the request."
[[ $(ask CONFIG GET appendonly | tail -n 1) == yes ]] || die "the append-only file is off."
ask SHUTDOWN
wait "$pid" || die "the server ended with an error:" "$(tail -n 20 "$folder/log")"
pid=
printf '%s holds what it should, and serves.\n' "${archive[0]##*/}"
