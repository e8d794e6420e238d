#!/usr/bin/env bash
# Checks what packaging/ and docs/install.md hold: the scripts and the Dockerfile with linters, the
# manifest with the schemas of Kubernetes, its configuration, users and probes on a real server, and
# the drop-in with systemd and the unit of the machine's redis-server. The linters are pinned, and
# checked against the hashes in packaging/requirements.txt. FW_MODULE names the module.
# No image is built: that takes a container engine.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m -- "${CARGO_TARGET_DIR:-target}")
list=packaging/requirements.txt
tools=$target/packaging
manifest=packaging/kubernetes/fw-limits.yaml
server=${FW_REDIS_SERVER:-redis-server}

die() {
  printf 'fw-limits: %s\n' "$@" >&2
  exit 1
}

module=$(realpath -- "${FW_MODULE:-$target/dist-build/release/libfw_limits.so}") ||
  die "the module is not built. Run: make dist"
folder=$(mktemp -d)
pid=
# shellcheck disable=SC2329 # the trap calls it
clean_up() {
  [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
  rm -rf -- "$folder"
}
trap clean_up EXIT

sum=$(sha256sum <"$list")
if [[ ! -e $tools/list.sha256 || $(<"$tools/list.sha256") != "$sum" ]]; then
  rm -rf -- "$tools"
  python3 -m venv "$tools" || die "Python has no venv. On Debian: apt-get install python3-venv"
  "$tools/bin/pip" install --quiet --no-deps --require-hashes -r "$list" </dev/null ||
    die "the linters of $list could not be installed (see above). Needed is PyPI."
  printf '%s\n' "$sum" >"$tools/list.sha256"
fi

# SC2329: it does not see that a trap calls a function.
"$tools/bin/shellcheck" --exclude=SC2329 scripts/*.sh .ci/run
"$tools/bin/hadolint" packaging/Dockerfile
"$tools/bin/kubernetes-validate" --strict --quiet "$manifest"

# What docs/install.md shows of the manifest is in it, and the parts of the manifest fit together.
"$tools/bin/python" - "$manifest" docs/install.md "$folder" <<'END'
import pathlib, re, shlex, sys, textwrap
import yaml

manifest, docs, folder = map(pathlib.Path, sys.argv[1:])
text = manifest.read_text()
shown = re.findall(r"^```yaml\n(.*?)^```", docs.read_text(), re.MULTILINE | re.DOTALL)
assert shown, f"{docs} shows nothing of {manifest}"
for block in shown:
    lines = block.rstrip("\n")
    indents = {len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip()}
    assert any(textwrap.indent(lines, " " * n) in text for n in indents), f"not in {manifest}:\n{lines}"

parts = {part["kind"]: part for part in yaml.safe_load_all(text)}
pod = parts["StatefulSet"]["spec"]["template"]
labels = pod["metadata"]["labels"]
assert parts["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels
assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
assert parts["Service"]["spec"]["selector"] == labels
spec = pod["spec"]
claims = parts["StatefulSet"]["spec"]["volumeClaimTemplates"]
volumes = {v["name"] for v in spec["volumes"]} | {v["metadata"]["name"] for v in claims}
for container in spec["initContainers"] + spec["containers"]:
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
[redis] = spec["containers"]
(folder / "redis.conf").write_text(parts["ConfigMap"]["data"]["redis.conf"])
for probe in ("livenessProbe", "readinessProbe"):
    command = redis[probe]["exec"]["command"]
    assert command[0] == "redis-cli"
    (folder / probe).write_text(shlex.join(command[1:]))
END

# The manifest's server, with its users and probes, but on a socket and in a folder of its own.
start() { # configuration
  "$server" "$1" >"$folder/log" 2>&1 &
  pid=$!
  until redis-cli -s "$folder/socket" PING >/dev/null 2>&1; do
    if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > 120)); then
      die "the server did not start:" "$(tail -n 20 "$folder/log")"
    fi
    sleep 0.1
  done
}
stop() {
  kill -TERM "$pid"
  wait "$pid" || die "the server ended with an error:" "$(tail -n 20 "$folder/log")"
  pid=
}
probe() {
  local words
  read -r -a words <"$folder/$1"
  redis-cli -s "$folder/socket" "${words[@]}" >"$folder/probed" 2>&1
}
as_gateway() { redis-cli -e --no-auth-warning -s "$folder/socket" --user gateway --pass change-me-gateway "$@"; }

[[ $(grep -c '^bind\|^port\|^dir\|^aclfile\|^loadmodule' "$folder/redis.conf") == 5 ]] ||
  die "the manifest's configuration lacks a line."
sed -i -e 's|^port .*|port 0|' -e "s|^dir .*|dir $folder|" \
  -e "s|^aclfile .*|aclfile $PWD/packaging/kubernetes/users.acl|" \
  -e "s|^loadmodule .*|loadmodule $module|" "$folder/redis.conf"
printf 'unixsocket %s\n' "$folder/socket" >>"$folder/redis.conf"
start "$folder/redis.conf"
probe livenessProbe || die "the liveness probe fails:" "$(<"$folder/probed")"
probe readinessProbe || die "the readiness probe fails:" "$(<"$folder/probed")"
[[ $(as_gateway FW.ADMIT acct:42 | head -n 1) == UNKNOWN_ACCOUNT ]] || die "the gateway got no verdict."
if redis-cli -e -s "$folder/socket" FW.ADMIT acct:42 >/dev/null 2>&1; then
  die "a client without a password is served."
fi
stop
# Without the module the server is alive, and not ready. Here PING is an error as well, which is an
# answer all the same, as LOADING is.
sed -i -e '/^loadmodule/d' -e '/^fw\./d' -e '/^aclfile/d' "$folder/redis.conf"
printf 'user probe reset on nopass\n' >>"$folder/redis.conf"
start "$folder/redis.conf"
probe livenessProbe || die "without the module, and with an error, the liveness probe fails:" "$(<"$folder/probed")"
if probe readinessProbe; then die "without the module the readiness probe passes."; fi
stop
if probe livenessProbe; then die "without a server the liveness probe passes."; fi

# The drop-in, on top of the unit that the package of this machine brings.
unit=redis-server.service
for place in /usr/lib/systemd/system /lib/systemd/system; do
  [[ ! -e $place/$unit ]] || found=$place/$unit
done
[[ -n ${found:-} ]] || die "the package redis-server of Debian or Ubuntu is not installed: there is no $unit."
mkdir -p "$folder/units/$unit.d"
cp "$found" "$folder/units/"
cp packaging/systemd/fw-limits.conf "$folder/units/$unit.d/"
SYSTEMD_UNIT_PATH=$folder/units: systemd-analyze verify --man=no "$folder/units/$unit" 2>"$folder/verified" ||
  die "systemd refuses the drop-in:" "$(<"$folder/verified")"
if grep -F "fw-limits.conf" "$folder/verified" >&2; then die "systemd finds fault with the drop-in (above)."; fi
path=/usr/lib/redis/modules/libfw_limits.so
for file in packaging/INSTALL.in packaging/systemd/fw-limits.conf scripts/dist.sh docs/install.md "$manifest"; do
  grep -qF "$path" "$file" || die "$file does not name $path."
done
echo "packaging/ is sound; no image was built."
