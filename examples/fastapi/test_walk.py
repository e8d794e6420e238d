"""The commands of examples/README.md, played against a real server and a real gateway, and compared
to the letter.

A line of a `console` block that begins with `$ ` runs in bash, all of them in the same one. There
the gateway and the server are the test's, `pkill` kills that gateway, and `sleep N` moves the
server's clock. `look` is asked again until it is as the page says: a page is read more slowly than
it is played.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import HERE, Gateway
from servers import PATIENCE

PAGE = HERE.parent / "README.md"
END = "that was all\n"
PRELUDE = """
curl() { command curl "${@//localhost:8000/127.0.0.1:$GATEWAY_PORT}"; }
fwctl() { "$FWCTL" "$@"; }
pkill() { [ "$*" = "-9 -f gateway:app" ] && kill -9 "$GATEWAY_PID"; }
sleep() { redis-cli -p "$SERVER_PORT" FW.CLOCK ADVANCE "$(($1 * 1000))" >sleep.txt; }
exec 2>&1
"""


class Shell:
    """A bash that has seen the lines before."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        program = os.environ.get("FWCTL")
        assert program, "FWCTL is not set: the path of fwctl"
        assert gateway.process is not None
        variables = {
            **os.environ,
            "FW_URL": f"redis://127.0.0.1:{gateway.server.port}",
            "GATEWAY_PID": str(gateway.process.pid),
            "GATEWAY_PORT": str(gateway.port),
            "SERVER_PORT": str(gateway.server.port),
        }
        self.bash = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=variables,
        )
        self.run(PRELUDE)

    def run(self, line: str) -> str:
        """What a line prints."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        self.bash.stdin.write(f"{line}\nprintf '%s' '{END}'\n")
        self.bash.stdin.flush()
        printed = ""
        for text in self.bash.stdout:
            if text.endswith(END):
                return printed + text.removesuffix(END)
            printed += text
        raise AssertionError(f"bash ended: {printed}")

    def end(self) -> None:
        self.bash.kill()
        self.bash.communicate()


@pytest.fixture
def shell(gateway: Gateway, tmp_path: Path) -> Iterator[Shell]:
    gateway.server.clear()
    shell = Shell(gateway, tmp_path)
    yield shell
    shell.end()


def play(shell: Shell, command: str, printed: str) -> str:
    came = shell.run(command)
    give_up = time.monotonic() + PATIENCE
    while command == "look" and came != printed and time.monotonic() < give_up:
        time.sleep(0.01)
        came = shell.run(command)
    return came


def test_the_page_shows_what_happens(gateway: Gateway, shell: Shell) -> None:
    parts = re.split(r"^```console\n(.*?)^```\n", PAGE.read_text(), flags=re.M | re.S)
    steps = 0
    for text, block in zip(parts[::2], parts[1::2], strict=False):
        if "Start the gateway again" in text:
            gateway.kill()
            gateway.start()
        for step in block.removeprefix("$ ").split("\n$ "):
            command, _, printed = step.rstrip("\n").partition("\n")
            came = play(shell, command, printed + "\n" if printed else "")
            assert came.rstrip("\n") == printed, command
            steps += 1
    assert steps > 10, "the page has lost its commands"
