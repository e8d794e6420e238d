#!/usr/bin/env bash
# Says whether the server program given as $1 can load the module: Redis 7.0 or newer, Valkey 8 or
# newer. Silent if it can; otherwise prints what was found and what to do, and fails.
set -euo pipefail

server=$1

refuse() {
  printf '%s\n' "fw-limits: $1" \
    "  It needs Redis 7.0 or newer, or Valkey 8 or newer. Debian 12 and Ubuntu 24.04 ship a new" \
    "  enough redis-server. To use another one, name it: FW_REDIS_SERVER=/path/to/redis-server" >&2
  exit 1
}

command -v -- "$server" >/dev/null || refuse "there is no server program '$server'."
found=$("$server" --version 2>&1) || refuse "'$server --version' failed: ${found:0:200}"
# "Redis server v=7.0.15 sha=..." or "Valkey server v=8.1.1 sha=..."
if [[ ! $found =~ ^([A-Za-z]+)\ server\ v=(([0-9]+)\.[0-9]+[^ ]*) ]]; then
  refuse "'$server' is not a Redis or Valkey server: ${found:0:200}"
fi
name=${BASH_REMATCH[1]} version=${BASH_REMATCH[2]} major=${BASH_REMATCH[3]}
case $name in
  Redis) oldest=7 ;;
  Valkey) oldest=8 ;;
  *) refuse "'$server' is $name $version, which is not supported." ;;
esac
((major >= oldest)) || refuse "'$server' is $name $version, which is too old."
