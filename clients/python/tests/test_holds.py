"""A held request, from its admission to its settlement."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal

import pytest
import redis
import redis.asyncio

from fw_limits import AsyncLimits, Conflict, CostUnknown, Limits, Result, Verdict
from servers import PATIENCE, Lossy, Server

D = Decimal
KEY = "acct:1"


class Broken(Exception):
    """What goes wrong in a block."""


def state(server: Server) -> tuple[str, str, int]:
    """What was spent, what is held, and how many holds are open."""
    account = server.ask("FW.GET", KEY)
    return account["spent"], account["held"], account["open_holds"]


def test_a_block_that_ends_well_spends_what_was_used(sync_limits: Limits, server: Server) -> None:
    with sync_limits.hold(KEY, D("0.02"), tokens=1500, scope="m", ttl_ms=30_000) as hold:
        assert hold.admitted
        assert uuid.UUID(hold.id).version == 4
        assert state(server) == ("0", "0.02", 1)
        hold.used(D("0.001"), 100)
        hold.used(D("0.0095"), 950)
    assert state(server) == ("0.0095", "0", 0)


def test_a_block_that_raises_voids(sync_limits: Limits, server: Server) -> None:
    with pytest.raises(Broken), sync_limits.hold(KEY, 1) as hold:
        hold.used(D("0.5"))
        raise Broken
    assert state(server) == ("0", "0", 0)


def test_what_a_partial_charged_stays(sync_limits: Limits, server: Server) -> None:
    with pytest.raises(Broken), sync_limits.hold(KEY, 1) as hold:
        part = hold.partial(D("0.25"), 10)
        assert part is not None
        assert part.held == D("0.75")
        raise Broken
    assert state(server) == ("0.25", "0", 0)


def test_the_last_partial_is_the_total_if_nobody_says_more(
    sync_limits: Limits, server: Server
) -> None:
    with sync_limits.hold(KEY, 1) as hold:
        hold.partial(D("0.25"))
        with pytest.raises(Conflict):
            hold.partial(D("0.125"))
        hold.partial(D("0.5"))
    assert state(server) == ("0.5", "0", 0)


def test_a_cost_that_nobody_said_is_an_error_and_no_charge(
    sync_limits: Limits, server: Server
) -> None:
    with pytest.raises(CostUnknown), sync_limits.hold(KEY, 1):
        pass
    assert state(server) == ("0", "0", 0)


def test_a_denial_is_a_value_and_holds_nothing(sync_limits: Limits, server: Server) -> None:
    server.ask("FW.SUSPEND", KEY, "fraud")
    with sync_limits.hold(KEY, 1) as hold:
        assert not hold.admitted
        assert hold.admission.verdict is Verdict.SUSPENDED
        for use in (lambda: hold.used(1), lambda: hold.spend(1), hold.void):
            with pytest.raises(RuntimeError, match="denied"):
                use()
    assert state(server) == ("0", "0", 0)


def test_a_hold_is_entered_once(sync_limits: Limits) -> None:
    hold = sync_limits.hold(KEY, 1)
    with pytest.raises(RuntimeError):
        _ = hold.admission
    with hold:
        hold.used(0)
    with pytest.raises(RuntimeError), hold:
        pass


def test_settled_by_hand_the_end_does_nothing(sync_limits: Limits, server: Server) -> None:
    with sync_limits.hold(KEY, 1) as hold:
        assert hold.spend(D("0.5")).result is Result.OK
        assert hold.spend(D("0.5")).result is Result.DUPLICATE
    with sync_limits.hold(KEY, 1) as hold:
        hold.void()
    with pytest.raises(Broken), sync_limits.hold(KEY, 1) as hold:
        hold.spend(D("0.25"))
        raise Broken
    assert state(server) == ("0.75", "0", 0)


def test_a_long_stream_keeps_its_hold(sync_limits: Limits, server: Server) -> None:
    with sync_limits.hold(KEY, 1, ttl_ms=1000) as hold:
        for _ in range(3):
            server.advance(999)
            assert hold.extend(1000) is not None
        server.advance(999)
        assert hold.partial(D("0.5")) is not None
        server.advance(999)
        assert state(server)[2] == 1
        server.advance(1)
        assert hold.extend(1000) is None
        assert hold.spend(D("0.75")).result is Result.LATE
    assert state(server) == ("0.75", "0", 0)


def test_a_hold_that_is_not_known_is_charged_by_an_id(sync_limits: Limits, server: Server) -> None:
    with sync_limits.hold(KEY, 1, ttl_ms=1000) as hold:
        hold.partial(D("0.25"))
        server.advance(1000 + 600_000)
        assert hold.partial(D("0.5")) is None
        assert hold.spend(D("0.75")).spent == D("0.75")
        assert hold.spend(D("0.75")).result is Result.DUPLICATE
    assert state(server) == ("0.75", "0", 0)
    with pytest.raises(Broken), sync_limits.hold(KEY, 1, ttl_ms=1000) as hold:
        server.advance(1000 + 600_000)
        raise Broken
    assert state(server) == ("0.75", "0", 0)


def test_an_id_of_the_callers_own(sync_limits: Limits, server: Server) -> None:
    with sync_limits.hold(KEY, 1, id="req-1") as hold:
        assert server.ask("FW.HOLDS", KEY)[0]["id"] == "req-1"
        hold.used(0)
    with pytest.raises(ValueError):
        sync_limits.hold(KEY, 1, id="x" * 124)
    with pytest.raises(ValueError):
        sync_limits.hold(KEY, 1, id="")
    with pytest.raises(TypeError):
        sync_limits.hold(KEY, 0.5)  # type: ignore[arg-type]


def test_lost_replies_charge_once(server: Server) -> None:
    proxy = Lossy(server)
    try:
        with redis.Redis(port=proxy.port) as connection:
            limits = Limits(connection)
            proxy.left = 2
            with limits.hold(KEY, 1) as hold:
                assert hold.admission.verdict is Verdict.DUPLICATE
                proxy.left = 2
                part = hold.partial(D("0.25"))
                assert part is not None
                assert part.result is Result.DUPLICATE
                proxy.left = 2
                assert hold.spend(D("0.5")).result is Result.DUPLICATE
        assert proxy.requests == 9
    finally:
        proxy.close()
    assert state(server) == ("0.5", "0", 0)
    assert server.ask("FW.QUOTAS", KEY, "requests")["used"] == "1"


def test_redis_away(server: Server) -> None:
    own = Server()
    with redis.Redis(port=own.port, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 1)) as r:
        limits = Limits(r)
        with pytest.raises(redis.ConnectionError), limits.hold(KEY, 1) as hold:
            hold.used(D("0.5"))
            own.kill()
        with pytest.raises(redis.ConnectionError):
            limits.admit(KEY)
        with pytest.raises(redis.ConnectionError), limits.hold(KEY, 1):
            raise AssertionError("it is not served")
        own.start()
        # The server lost the hold (it keeps nothing here), and the cost is still known.
        assert hold.spend(D("0.5")).spent == D("0.5")
        with pytest.raises(Broken), limits.hold(KEY, 1):
            own.kill()
            raise Broken
    own.remove()


async def test_async_spends_and_voids(async_limits: AsyncLimits, server: Server) -> None:
    async with async_limits.hold(KEY, 1, tokens=10) as hold:
        assert hold.admitted
        assert await hold.partial(D("0.25"), 5) is not None
        assert await hold.extend(1000) is not None
        hold.used(D("0.5"), 9)
    assert state(server) == ("0.5", "0", 0)
    with pytest.raises(Broken):
        async with async_limits.hold(KEY, 1):
            raise Broken
    with pytest.raises(CostUnknown):
        async with async_limits.hold(KEY, 1):
            pass
    async with async_limits.hold(KEY, 1) as hold:
        await hold.spend(D("0.25"))
    async with async_limits.hold(KEY, 1) as hold:
        await hold.void()
    async with async_limits.hold(KEY, 60) as hold:
        assert not hold.admitted
        assert hold.admission.verdict is Verdict.TOO_LARGE
    assert state(server) == ("0.75", "0", 0)


async def test_async_charges_a_hold_that_is_not_known(
    async_limits: AsyncLimits, server: Server
) -> None:
    async with async_limits.hold(KEY, 1, ttl_ms=1000) as hold:
        await hold.partial(D("0.25"))
        server.advance(1000 + 600_000)
        assert await hold.partial(D("0.5")) is None
        assert await hold.extend(1000) is None
        hold.used(D("0.75"))
    assert state(server) == ("0.75", "0", 0)


async def settled(server: Server) -> tuple[str, str, int]:
    """The state once nothing is open; what goes on in the background needs the loop."""
    for _ in range(1000):
        if state(server)[2] == 0:
            break
        await asyncio.sleep(0.001)
    return state(server)


async def test_a_task_that_is_cancelled_voids(async_limits: AsyncLimits, server: Server) -> None:
    entered = asyncio.Event()

    async def serve() -> None:
        async with async_limits.hold(KEY, 1) as hold:
            await hold.partial(D("0.25"))
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(serve())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert state(server) == ("0.25", "0", 0)


async def test_a_task_that_is_cancelled_again_while_it_settles_settles(
    async_limits: AsyncLimits, server: Server
) -> None:
    """As under a cancel scope of anyio (Starlette), that cancels at every await."""
    entered = asyncio.Event()

    async def serve() -> None:
        async with async_limits.hold(KEY, 1) as hold:
            try:
                entered.set()
                await asyncio.Event().wait()
            finally:
                await hold.spend(D("0.25"))

    task = asyncio.create_task(serve())
    await entered.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    assert await settled(server) == ("0.25", "0", 0)


async def test_a_task_that_is_cancelled_while_it_is_admitted_holds_nothing(
    server: Server,
) -> None:
    proxy = Lossy(server)
    proxy.keep = True

    async def serve(limits: AsyncLimits) -> None:
        async with limits.hold(KEY, 1):
            raise AssertionError("it is not heard that it was admitted")

    try:
        async with redis.asyncio.Redis(port=proxy.port) as connection:
            task = asyncio.create_task(serve(AsyncLimits(connection)))
            assert await asyncio.to_thread(proxy.kept.wait, PATIENCE)
            assert state(server) == ("0", "1", 1)
            # asyncio.wait_for of Python 3.11, which redis-py uses, can swallow a cancellation.
            for _ in range(100):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await settled(server) == ("0", "0", 0)
    finally:
        proxy.close()


async def test_async_redis_away(caplog: pytest.LogCaptureFixture) -> None:
    own = Server()
    retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 1)
    async with redis.asyncio.Redis(port=own.port, retry=retry) as connection:
        limits = AsyncLimits(connection)
        with pytest.raises(redis.ConnectionError):
            async with limits.hold(KEY, 1) as hold:
                hold.used(D("0.5"))
                own.kill()
        own.start()
        assert (await hold.spend(D("0.5"))).spent == D("0.5")
        with pytest.raises(Broken):
            async with limits.hold(KEY, 1):
                own.kill()
                raise Broken
        assert "will lapse" in caplog.text
        with pytest.raises(redis.ConnectionError):
            await limits.admit(KEY)
    own.remove()
