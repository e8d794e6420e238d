#!/usr/bin/env bash
# Builds the module and packs it with what an installation needs: one archive and SHA256SUMS in
# target/dist/. The same commit, toolchain and machine type give the same bytes, in whatever folder.
# SOURCE_DATE_EPOCH takes the place of the commit's date where there is no git.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m -- "${CARGO_TARGET_DIR:-target}")
into=$target/dist
newest_glibc=2.36 # what Debian 12 has

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

for program in strip objdump python3; do
  command -v "$program" >/dev/null || die "$program is missing. On Debian: apt-get install binutils python3"
done
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} ||
  die "this is no git checkout: set SOURCE_DATE_EPOCH, the files' time in seconds."
version=$(cargo pkgid --locked)
version=${version##*[#@]}
arch=$(uname -m)
name=fw-limits-$version-$arch-linux-gnu

# Of its own, as other flags would make `make build` build everything anew. Without the prefixes the
# module would carry the paths of the machine that built it.
build=$target/dist-build
printf -v flags -- '--remap-path-prefix=%s\x1f' "${CARGO_HOME:-$HOME/.cargo}=/cargo" "$build=/target" "$PWD=/src"
CARGO_ENCODED_RUSTFLAGS=${flags%$'\x1f'} cargo build --release --locked --target-dir "$build"

rm -rf -- "$into"
folder=$into/$name
mkdir -p "$folder"
# The build id is a checksum that also covers what is stripped, where the folder's path shows.
strip --strip-unneeded --remove-section .note.gnu.build-id -o "$folder/libfw_limits.so" "$build/release/libfw_limits.so"
glibc=$(objdump -T "$folder/libfw_limits.so" | sed -n 's/.*(\?GLIBC_\([0-9.]*\).*/\1/p' | sort -Vu | tail -n 1)
[[ -n $glibc ]] || die "no symbol version of glibc was found in the module."
[[ $(printf '%s\n' "$glibc" "$newest_glibc" | sort -V | tail -n 1) == "$newest_glibc" ]] ||
  die "the module needs glibc $glibc, and Debian 12 has $newest_glibc: build it on Debian 12."

sed -e "/^# \`make run\` starts/,/redis-server redis.conf\$/d" -e '/^# Both are relative/d' \
  -e 's|^loadmodule .*|loadmodule /usr/lib/redis/modules/libfw_limits.so|' \
  -e 's|^dir .*|dir /var/lib/redis|' redis.conf >"$folder/redis.conf"
if grep -nE '\./|`make' "$folder/redis.conf"; then
  die "redis.conf says something that holds in a checkout only (above)."
fi
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@GLIBC@/$glibc/" packaging/INSTALL.in >"$folder/INSTALL"
cp LICENSE packaging/systemd/fw-limits.conf "$folder"
python3 scripts/notices.py >"$folder/THIRD-PARTY.txt"
library=$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html
[[ -e $library ]] || die "the Rust toolchain lacks $library: the notices of its library must go along."
cp "$library" "$folder/RUST-LIBRARY.html"

chmod 644 "$folder"/*
chmod 755 "$folder" "$folder/libfw_limits.so"
tar --create --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner --format=ustar \
  --directory "$into" "$name" | gzip -9 -n >"$into/$name.tar.gz"
rm -rf -- "$folder"
(cd "$into" && sha256sum "$name.tar.gz" >SHA256SUMS)
printf '%s needs glibc %s or newer (at most %s is allowed).\n' "$into/$name.tar.gz" "$glibc" "$newest_glibc"
