"""Leases, and the heartbeat that gives the order to stop.

Heartbeats beat in real time, a few milliseconds apart; the server's clock stands still.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import redis
import redis.asyncio

from fw_limits import AsyncLimits, Limits, Stale, Stop, Verdict, Why
from servers import PATIENCE, Server

KEY = "acct:1"
GPUS = {"h100": 8}
FAST: Any = {"ttl_ms": 60_000, "every_ms": 5}


def used(server: Server) -> str:
    return str(server.ask("FW.QUOTAS", KEY, "h100")["used"])


def test_a_lease_is_held_while_the_block_runs(sync_limits: Limits, server: Server) -> None:
    with sync_limits.lease(KEY, "train-1", GPUS, **FAST) as lease:
        assert lease.reservation.reserved
        assert (lease.token, used(server)) == (1, "8")
        assert lease.renew().ttl_ms == 60_000
        assert not lease.stopped.is_set()
    assert used(server) == "0"
    assert lease.stop is None


def test_a_denied_lease_is_a_value_and_releases_nothing(
    sync_limits: Limits, server: Server
) -> None:
    server.ask("FW.QUOTA", KEY, "RESERVE", "train-1", "h100", 8)
    with sync_limits.lease(KEY, "train-2", GPUS) as lease:
        assert lease.reservation.verdict is Verdict.QUOTA_EXCEEDED
    with sync_limits.lease(KEY, "train-1", {"h100": 9}) as lease:
        assert lease.reservation.verdict is Verdict.QUOTA_EXCEEDED
        assert lease.token == 1
    assert used(server) == "8"


def test_the_heartbeat_keeps_the_lease(sync_limits: Limits, server: Server) -> None:
    with sync_limits.lease(KEY, "train-1", GPUS, **FAST):
        for _ in range(3):
            server.advance(59_999)
            beats = server.ask("INFO", "commandstats")["cmdstat_FW.QUOTA"]["calls"]
            while server.ask("INFO", "commandstats")["cmdstat_FW.QUOTA"]["calls"] < beats + 2:
                pass
        assert used(server) == "8"


def ordered(limits: Limits, server: Server, *words: str) -> tuple[Stop, list[Stop]]:
    """The order that a job gets when something happens to its account, and what it was told."""
    told: list[Stop] = []
    with limits.lease(KEY, "train-1", GPUS, on_stop=told.append, **FAST) as lease:
        server.ask(*words)
        assert lease.stopped.wait(PATIENCE)
        assert lease.stop is not None
    return lease.stop, told


def test_the_order_to_stop(sync_limits: Limits, server: Server) -> None:
    stop, told = ordered(sync_limits, server, "FW.SUSPEND", KEY, "fraud")
    assert stop == Stop(Why.SUSPENDED, "blocked")
    assert told == [stop]
    server.ask("FW.RESUME", KEY)
    assert used(server) == "0"  # the end of the block released it
    stop, told = ordered(sync_limits, server, "FW.QUOTA", KEY, "RELEASE", "train-1")
    assert stop.why is Why.NOLEASE
    assert told == [stop]
    server.ask("CONFIG", "SET", "fw.new-accounts", "reject")
    server.ask("FW.SET", KEY, "payment-method", "yes")
    stop, _ = ordered(sync_limits, server, "DEL", KEY)
    assert stop.why is Why.UNKNOWN_ACCOUNT


def test_a_lease_that_is_anothers_is_not_released(sync_limits: Limits, server: Server) -> None:
    with sync_limits.lease(KEY, "train-1", GPUS, **FAST) as lease:
        server.ask(
            "EVAL",
            "redis.call('FW.QUOTA', KEYS[1], 'RELEASE', 'train-1')"
            "return redis.call('FW.QUOTA', KEYS[1], 'RESERVE', 'train-1', 'h100', 8)",
            1,
            KEY,
        )
        assert lease.stopped.wait(PATIENCE)
        assert lease.stop is not None
        assert lease.stop.why is Why.STALE
        with pytest.raises(Stale):
            lease.release()
    assert used(server) == "8"


def test_redis_away_for_a_ttl_is_an_order_to_stop() -> None:
    own = Server()
    told: list[Stop] = []
    with redis.Redis(port=own.port, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0)) as r:
        with Limits(r).lease(KEY, "t", GPUS, ttl_ms=100, every_ms=5, on_stop=told.append) as lease:
            own.kill()
            assert lease.stopped.wait(PATIENCE)
            assert lease.stop is not None
            assert lease.stop.why is Why.AWAY
            assert "refused" in lease.stop.detail or "closed" in lease.stop.detail
    assert told == [lease.stop]
    own.remove()


def test_a_renewal_that_hangs_does_not_put_off_the_order(server: Server) -> None:
    with redis.Redis(port=server.port) as connection:
        limits = Limits(connection)
        hung, stop = threading.Event(), threading.Event()
        with limits.lease(KEY, "t", GPUS, ttl_ms=100, every_ms=5) as lease:

            def hangs() -> None:
                hung.set()
                stop.wait(PATIENCE)
                raise redis.ConnectionError("at last")

            lease.renew = hangs  # type: ignore[method-assign, assignment]
            assert hung.wait(PATIENCE)
            assert lease.stopped.wait(PATIENCE)
            assert not stop.is_set()
            stop.set()
            assert lease.stop is not None
            assert lease.stop.why is Why.AWAY


def test_a_lease_that_never_lapses_says_how_often(sync_limits: Limits, server: Server) -> None:
    with pytest.raises(ValueError), sync_limits.lease(KEY, "train-1", GPUS, ttl_ms=0):
        pass
    with sync_limits.lease(KEY, "train-1", GPUS, ttl_ms=0, every_ms=5) as lease:
        server.ask("FW.SUSPEND", KEY, "fraud")
        assert lease.stopped.wait(PATIENCE)


async def test_async_lease(async_limits: AsyncLimits, server: Server) -> None:
    told: list[Stop] = []
    async with async_limits.lease(KEY, "train-1", GPUS, on_stop=told.append, **FAST) as lease:
        assert used(server) == "8"
        assert (await lease.renew()).reserved
        server.ask("FW.SUSPEND", KEY, "fraud")
        async with asyncio.timeout(PATIENCE):
            await lease.stopped.wait()
        assert lease.stop == Stop(Why.SUSPENDED, "blocked")
    assert told == [lease.stop]
    assert used(server) == "0"
    server.ask("FW.RESUME", KEY)
    async with async_limits.lease(KEY, "train-1", GPUS, **FAST) as lease:
        server.ask("FW.QUOTA", KEY, "RELEASE", "train-1")
        async with asyncio.timeout(PATIENCE):
            await lease.stopped.wait()
        assert lease.stop is not None
        assert lease.stop.why is Why.NOLEASE
    async with async_limits.lease(KEY, "train-1", {"h100": 9}) as lease:
        assert not lease.reservation.reserved


async def test_async_redis_away_for_a_ttl() -> None:
    own = Server()
    retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
    async with redis.asyncio.Redis(port=own.port, retry=retry) as connection:
        async with AsyncLimits(connection).lease(KEY, "t", GPUS, ttl_ms=100, every_ms=5) as lease:
            own.kill()
            async with asyncio.timeout(PATIENCE):
                await lease.stopped.wait()
            assert lease.stop is not None
            assert lease.stop.why is Why.AWAY
    own.remove()


async def test_async_renewal_that_hangs(async_limits: AsyncLimits) -> None:
    async with async_limits.lease(KEY, "t", GPUS, ttl_ms=100, every_ms=5) as lease:

        async def hangs() -> None:
            await asyncio.Event().wait()

        lease.renew = hangs  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(PATIENCE):
            await lease.stopped.wait()
        assert lease.stop is not None
        assert lease.stop.why is Why.AWAY
