#!/usr/bin/env bash
# redis-server under valgrind's memcheck, for scripts/sanitize.sh: each server writes what is found
# to a file of its own in $FW_MEMCHECK. The module's memory is the server's, and so jemalloc's: it is
# seen because memcheck takes the place of the functions of that library too.
set -euo pipefail
here=$(dirname "$(realpath -- "$0")")
server=${FW_MEMCHECK_SERVER:-redis-server}
[[ ${1:-} != --version ]] || exec "$server" --version
exec valgrind --quiet --soname-synonyms='somalloc=*jemalloc*' --keep-debuginfo=yes \
  --num-callers=40 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
  --suppressions="$here/memcheck.supp" --gen-suppressions=all \
  --log-file="$FW_MEMCHECK/%p.log" "$server" "$@"
