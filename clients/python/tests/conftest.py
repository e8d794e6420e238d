"""Fixtures: a server that every test finds empty, and clients of every kind on it."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
import pytest_asyncio
import redis
import redis.asyncio

from fw_limits import AsyncLimits, Limits
from servers import Cluster, Server


@pytest.fixture(scope="session")
def one_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def server(one_server: Server) -> Server:
    one_server.clear()
    return one_server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.remove()


class Awaited:
    """A synchronous client, called like an asynchronous one, so that one test plays both."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.limits, name)

        async def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            assert not inspect.isawaitable(result)
            return result

        return call


KINDS = [
    pytest.param((kind, resp, decode), id=f"{kind}-resp{resp}-{'text' if decode else 'bytes'}")
    for kind, resp, decode in [
        ("sync", 2, False),
        ("sync", 3, True),
        ("async", 2, True),
        ("async", 3, False),
    ]
]


@pytest_asyncio.fixture(params=KINDS)
async def limits(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[AsyncLimits]:
    """Both kinds of clients, in both protocols, decoding and not."""
    kind, resp, decode = request.param
    options: dict[str, Any] = {
        "port": server.port,
        "protocol": resp,
        "decode_responses": decode,
    }
    if kind == "sync":
        with redis.Redis(**options) as connection:
            yield cast(AsyncLimits, Awaited(Limits(connection)))
    else:
        async with redis.asyncio.Redis(**options) as connection:
            yield AsyncLimits(connection)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def sync_limits(request: pytest.FixtureRequest, server: Server) -> Iterator[Limits]:
    with redis.Redis(port=server.port, protocol=request.param) as connection:
        yield Limits(connection)


@pytest_asyncio.fixture(params=[2, 3], ids=["resp2", "resp3"])
async def async_limits(
    request: pytest.FixtureRequest, server: Server
) -> AsyncIterator[AsyncLimits]:
    async with redis.asyncio.Redis(port=server.port, protocol=request.param) as connection:
        yield AsyncLimits(connection)
