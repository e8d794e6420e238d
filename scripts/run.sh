#!/usr/bin/env bash
# Runs a Redis server with the module in the foreground until Ctrl-C. PORT chooses the port,
# FW_REDIS_SERVER the server program.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${PORT:-6379}
server=${FW_REDIS_SERVER:-redis-server}
module=${CARGO_TARGET_DIR:-target}/release/libfw_limits.so

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

if [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
  die "PORT must be a number from 1 to 65535, not '$port'."
fi
bash scripts/check-server.sh "$server"
command -v redis-cli >/dev/null || die "redis-cli is missing. Run: make deps"
[[ -e $module ]] || die "the module is not built: there is no $module. Run: make build"
module=$(realpath -- "$module")
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  die "port $port is busy: another server is listening there (an earlier 'make run'?)." \
    "Stop it, or choose another port, for example: make run PORT=$((port < 65535 ? port + 1 : 6379))"
fi

# One directory for each port: two servers must never write the same append-only file.
data=$PWD/data/$port
conf=$data/redis.conf
log=$data/redis.log
mkdir -p "$data"
: >"$log"

quoted() { # a path as the configuration file wants it
  local path=${1//\\/\\\\}
  printf '"%s"' "${path//\"/\\\"}"
}
{
  printf '# Made anew at each start by make run. Edit redis.conf at the top of the checkout.\n\n'
  grep -vE '^(loadmodule .*/libfw_limits\.so|dir|port|logfile)( |$)' redis.conf
  printf '\nloadmodule %s\ndir %s\nlogfile %s\nport %s\n' \
    "$(quoted "$module")" "$(quoted "$data")" "$(quoted "$log")" "$port"
} >"$conf"

# With job control the server has a process group of its own: Ctrl-C reaches this script alone,
# which passes it on once. A server that gets two signals exits without saving.
set -m
"$server" "$conf" </dev/null &
pid=$!
set +m
stopping=
stop() {
  [[ -n $stopping ]] || kill -TERM "$pid" 2>/dev/null || true
  stopping=1
}
trap stop INT TERM HUP EXIT

ready() {
  case $(redis-cli -h 127.0.0.1 -p "$port" ping 2>&1) in
    PONG | NOAUTH*) kill -0 "$pid" 2>/dev/null ;;
    *) return 1 ;; # not listening yet, or still loading its data
  esac
}
until [[ -n $stopping ]] || ready; do
  if ! kill -0 "$pid" 2>/dev/null; then
    code=0
    wait "$pid" || code=$?
    tail -n 20 "$log" >&2
    printf 'fw-limits: the server did not start. Its log: %s\n' "data/$port/redis.log" >&2
    exit $((code ? code : 1))
  fi
  sleep 0.1 || true # Ctrl-C ends it early
done

if [[ -z $stopping ]]; then
  cat <<END

fw-limits is ready on port $port. Ctrl-C stops it. Its log: data/$port/redis.log
Type in another terminal:

  redis-cli -p $port FW.ADMIT acct:42     it answers: OK requests 600 599 60000 0
END
fi

# A signal ends the wait early; the status that counts is the server's.
while kill -0 "$pid" 2>/dev/null; do
  wait "$pid" || true
done
code=0
wait "$pid" || code=$?
exit "$code"
