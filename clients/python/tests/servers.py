"""Real servers for tests, on the loopback interface: one server, a cluster, and a lossy proxy.

FW_MODULE is the built module, FW_REDIS_SERVER the server program (redis-server).
"""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

PATIENCE = 20.0
NOON = 1_767_225_600_000  # 2026-01-01T00:00:00Z, in milliseconds


def until(ready: Callable[[], bool], what: str) -> None:
    """Polls until something outside this process is ready."""
    give_up = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < give_up, what
        time.sleep(0.01)


def free_port() -> int:
    """A port that has one for a cluster's bus, 10,000 above it."""
    while True:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        if port <= 55_535:
            return port


class Server:
    """A server with the module, on the test clock."""

    def __init__(self, *lines: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="fw-limits-"))
        module = os.environ.get("FW_MODULE")
        assert module, "FW_MODULE is not set: the path of libfw_limits.so"
        settings = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"logfile {self.folder}/server.log",
            'save ""',
            f"loadmodule {module}",
            "fw.test-clock yes",
            "fw.new-accounts open",
            *lines,
        ]
        (self.folder / "redis.conf").write_text("\n".join(settings) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        program = os.environ.get("FW_REDIS_SERVER", "redis-server")
        self.process = subprocess.Popen([program, str(self.folder / "redis.conf")])
        until(self._answers, f"the server did not start: {self.folder}/server.log")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        try:
            return bool(self.ask("PING"))
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def ask(self, *words: Any) -> Any:
        """A command, past the client that is tested."""
        with redis.Redis(port=self.port, protocol=3, decode_responses=True) as plain:
            send: Callable[..., Any] = plain.execute_command
            return send(*words)

    def advance(self, ms: int) -> None:
        """Lets time pass on the module's clock."""
        self.ask("FW.CLOCK", "ADVANCE", ms)

    def clear(self) -> None:
        """Forgets everything, and sets the clock to the same noon."""
        self.ask("FLUSHALL")
        self.ask("FW.CLOCK", "SET", NOON)
        self.ask("CONFIG", "SET", "fw.new-accounts", "open", "maxmemory", "0")


class Cluster:
    """Three primaries that share the slots."""

    def __init__(self) -> None:
        lines = ["cluster-enabled yes", "cluster-node-timeout 5000"]
        self.nodes = [Server(*lines) for _ in range(3)]
        first = self.nodes[0]
        for node, (low, high) in zip(
            self.nodes, [(0, 5460), (5461, 10922), (10923, 16383)], strict=True
        ):
            node.ask("CLUSTER", "ADDSLOTSRANGE", low, high)
            node.ask("CLUSTER", "MEET", "127.0.0.1", first.port)
        until(lambda: all(map(self._whole, self.nodes)), "the cluster did not form")

    @staticmethod
    def _whole(node: Server) -> bool:
        info = node.ask("CLUSTER", "INFO")
        found = info if isinstance(info, dict) else dict(line.split(":") for line in info.split())
        return bool(found["cluster_state"] == "ok") and found["cluster_known_nodes"] == "3"

    @property
    def port(self) -> int:
        return self.nodes[0].port

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()


class Lossy:
    """A proxy before a server that loses, or keeps back, the next replies to FW commands."""

    def __init__(self, server: Server) -> None:
        self.left = 0
        self.keep = False
        self.kept = threading.Event()
        self.requests = 0
        proxy = self

        class Passes(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", server.port)) as behind:
                    while words := self.request.recv(65536):
                        behind.sendall(words)
                        reply = behind.recv(65536)
                        if b"FW." in words and proxy.keep:
                            proxy.keep = False
                            proxy.kept.set()
                        elif b"FW." in words:
                            proxy.requests += 1
                            proxy.left -= 1
                            if proxy.left >= 0:
                                return
                            self.request.sendall(reply)
                        else:
                            self.request.sendall(reply)

        class Listens(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Listens(("127.0.0.1", 0), Passes)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
