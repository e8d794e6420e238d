"""Fixtures: a server, and the gateway before it as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "clients/python/tests"))

from servers import Server, free_port, until  # noqa: E402


class Gateway:
    """uvicorn with gateway.py."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "REDIS_URL": f"redis://127.0.0.1:{self.server.port}",
            "GATEWAY_KEYS": "sk-one=acct:1,sk-two=acct:2",
            "SETTLE_EVERY": "0.01",
        }
        words = ["uvicorn", "gateway:app", "--port", str(self.port), "--log-level", "warning"]
        self.process = subprocess.Popen([sys.executable, "-m", *words], cwd=HERE, env=environment)
        until(self._listens, "the gateway did not start")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the gateway ended"
        try:
            return httpx.get(f"{self.url}/openapi.json").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    server = Server()
    gateway = Gateway(server)
    yield gateway
    gateway.kill()
    server.remove()
