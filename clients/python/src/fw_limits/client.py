"""The clients: `Limits` on redis.Redis, `AsyncLimits` on redis.asyncio.Redis, or their clusters.

They send the commands of `commands`, one method each with the same arguments. The connection is
the caller's own, with its pools, retries, TLS and users; neither `protocol` nor `decode_responses`
makes a difference here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import redis
import redis.asyncio
from redis.client import NEVER_DECODE
from redis.exceptions import RedisClusterException

from . import commands
from .commands import Command
from .errors import classified
from .holds import AsyncHold, Hold
from .leases import AsyncLease, Lease, Stop
from .words import Amount, Text

P = ParamSpec("P")
T = TypeVar("T")

UNAVAILABLE = (redis.RedisError, RedisClusterException, OSError)
"""What is raised where there is no answer: Redis is away, or refused. It is no verdict: a gateway
that gets one of these instead of an `Admission` must not serve what costs money (HTTP 503)."""


def _as_method(method: Callable[..., Any], build: Callable[..., Any]) -> None:
    """Gives a method the name, text and signature of the function that builds its command."""
    functools.update_wrapper(method, build)
    del method.__wrapped__  # type: ignore[attr-defined]
    signature = inspect.signature(build)
    receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [receiver, *signature.parameters.values()]
    method.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]


def _sync(build: Callable[P, Command[T]]) -> Callable[Concatenate[Limits, P], T]:
    def method(self: Limits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(build(*args, **kwargs))

    _as_method(method, build)
    return method


def _async(
    build: Callable[P, Command[T]],
) -> Callable[Concatenate[AsyncLimits, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncLimits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(build(*args, **kwargs))

    _as_method(method, build)
    return method


# Replies come as bytes whatever the connection decodes: ids need not be UTF-8.
_BYTES: dict[str, Any] = {NEVER_DECODE: True}
# No key says where a cluster is to be asked, and all nodes know.
_KEYLESS = ("FW.TIERS", "FW.HELP")


class Limits:
    """The module's commands, on a connection of redis-py. Safe to share between threads."""

    def __init__(self, redis: redis.Redis | redis.RedisCluster) -> None:
        self.redis = redis

    def run(self, command: Command[T]) -> T:
        """Sends a command, and raises the error of its class if it is refused."""
        options = dict(_BYTES)
        if command.name in _KEYLESS and isinstance(self.redis, redis.RedisCluster):
            pick: Callable[[], Any] = self.redis.get_random_node
            options["target_nodes"] = pick()
        try:
            send: Callable[..., Any] = self.redis.execute_command
            reply = send(command.name, *command.args, **options)
        except redis.ResponseError as error:
            raise classified(error) from error
        return command.answer(reply)

    admit = _sync(commands.admit)
    peek = _sync(commands.peek)
    explain = _sync(commands.explain)
    spend = _sync(commands.spend)
    void = _sync(commands.void)
    extend = _sync(commands.extend)
    topup = _sync(commands.topup)
    refund = _sync(commands.refund)
    invoice = _sync(commands.invoice)
    set = _sync(commands.set)
    suspend = _sync(commands.suspend)
    resume = _sync(commands.resume)
    limit = _sync(commands.limit)
    reserve = _sync(commands.reserve)
    renew = _sync(commands.renew)
    release = _sync(commands.release)
    sync = _sync(commands.sync)
    get = _sync(commands.get)
    quotas = _sync(commands.quotas)
    quota = _sync(commands.quota)
    holds = _sync(commands.holds)
    leases = _sync(commands.leases)
    log = _sync(commands.log)
    tiers = _sync(commands.tiers)
    help = _sync(commands.help)

    def hold(
        self,
        key: Text,
        amount: Amount,
        *,
        id: str | None = None,
        ttl_ms: int | None = None,
        cost: int | None = None,
        scope: Text | None = None,
        tokens: int | None = None,
    ) -> Hold:
        """A request that is held first and spent afterwards: `with limits.hold(...)`."""
        return Hold(self, key, amount, id=id, ttl_ms=ttl_ms, cost=cost, scope=scope, tokens=tokens)

    def lease(
        self,
        key: Text,
        id: str,
        quotas: Mapping[str, int],
        *,
        ttl_ms: int | None = None,
        every_ms: int | None = None,
        on_stop: Callable[[Stop], object] | None = None,
    ) -> Lease:
        """What is held for as long as a job runs: `with limits.lease(...)`."""
        return Lease(self, key, id, quotas, ttl_ms=ttl_ms, every_ms=every_ms, on_stop=on_stop)


class AsyncLimits:
    """The module's commands, on a connection of redis.asyncio."""

    def __init__(self, redis: redis.asyncio.Redis | redis.asyncio.RedisCluster) -> None:
        self.redis = redis

    async def run(self, command: Command[T]) -> T:
        """Sends a command, and raises the error of its class if it is refused."""
        options = dict(_BYTES)
        if command.name in _KEYLESS and isinstance(self.redis, redis.asyncio.RedisCluster):
            await self.redis.initialize()
            pick: Callable[[], Any] = self.redis.get_random_node
            options["target_nodes"] = pick()
        try:
            reply = await self.redis.execute_command(command.name, *command.args, **options)
        except redis.ResponseError as error:
            raise classified(error) from error
        return command.answer(reply)

    admit = _async(commands.admit)
    peek = _async(commands.peek)
    explain = _async(commands.explain)
    spend = _async(commands.spend)
    void = _async(commands.void)
    extend = _async(commands.extend)
    topup = _async(commands.topup)
    refund = _async(commands.refund)
    invoice = _async(commands.invoice)
    set = _async(commands.set)
    suspend = _async(commands.suspend)
    resume = _async(commands.resume)
    limit = _async(commands.limit)
    reserve = _async(commands.reserve)
    renew = _async(commands.renew)
    release = _async(commands.release)
    sync = _async(commands.sync)
    get = _async(commands.get)
    quotas = _async(commands.quotas)
    quota = _async(commands.quota)
    holds = _async(commands.holds)
    leases = _async(commands.leases)
    log = _async(commands.log)
    tiers = _async(commands.tiers)
    help = _async(commands.help)

    def hold(
        self,
        key: Text,
        amount: Amount,
        *,
        id: str | None = None,
        ttl_ms: int | None = None,
        cost: int | None = None,
        scope: Text | None = None,
        tokens: int | None = None,
    ) -> AsyncHold:
        """A request that is held first and spent afterwards: `async with limits.hold(...)`."""
        return AsyncHold(
            self, key, amount, id=id, ttl_ms=ttl_ms, cost=cost, scope=scope, tokens=tokens
        )

    def lease(
        self,
        key: Text,
        id: str,
        quotas: Mapping[str, int],
        *,
        ttl_ms: int | None = None,
        every_ms: int | None = None,
        on_stop: Callable[[Stop], object] | None = None,
    ) -> AsyncLease:
        """What is held for as long as a job runs: `async with limits.lease(...)`."""
        return AsyncLease(self, key, id, quotas, ttl_ms=ttl_ms, every_ms=every_ms, on_stop=on_stop)
