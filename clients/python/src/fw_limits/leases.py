"""A lease for as long as a job runs, and the heartbeat that tells the job when it must stop.

    with limits.lease(key, "train-1", {"h100": 8}, ttl_ms=60_000, on_stop=kill) as lease:
        if not lease.reservation.reserved:
            return lease.reservation.http_status
        work(until=lease.stopped)

The heartbeat renews the lease every third of its TTL. It gives the order to stop, once, through
`on_stop`, the event `stopped`, and `stop`, when the account is suspended, when the lease is gone or
another's, or when no renewal succeeded for a whole TTL: by then the units may be somebody else's.
The end of the block releases the lease. A process that dies stops renewing, and the lease lapses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self

import redis
from redis.exceptions import RedisClusterException

from . import commands
from .errors import NoAccount, NoLease, Stale
from .replies import Reservation, Verdict
from .words import Text

if TYPE_CHECKING:
    from .client import AsyncLimits, Limits

_log = logging.getLogger("fw_limits")

_UNHEARD = (redis.RedisError, RedisClusterException, OSError)


class Why(StrEnum):
    """Why a job must stop."""

    SUSPENDED = "SUSPENDED"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    NOLEASE = "NOLEASE"
    STALE = "STALE"
    AWAY = "AWAY"
    """Redis did not answer for longer than the lease's TTL."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The order to stop."""

    why: Why
    detail: str
    """The reasons of the suspension, or the error."""


class _Renewed:
    """What the two kinds share: what is known of the lease, and how answers are judged."""

    def __init__(
        self,
        key: Text,
        id: str,
        quotas: Mapping[str, int],
        *,
        ttl_ms: int | None,
        every_ms: int | None,
        on_stop: Callable[[Stop], object] | None,
    ) -> None:
        self.key = key
        self.id = id
        self.quotas = dict(quotas)
        self.stop: Stop | None = None
        """The order to stop, once it was given."""
        self._ttl_ms = ttl_ms
        self._every_ms = every_ms
        self._on_stop = on_stop
        self._reservation: Reservation | None = None
        self._unheard = ""

    @property
    def reservation(self) -> Reservation:
        """The latest answer about the lease."""
        if self._reservation is None:
            raise RuntimeError("a lease is reserved first")
        return self._reservation

    @property
    def token(self) -> int:
        return self.reservation.token

    def _every(self) -> float:
        """Seconds between two heartbeats."""
        ttl_ms = self.reservation.ttl_ms
        if self._every_ms is not None:
            return self._every_ms / 1000
        if ttl_ms is None:
            raise ValueError("a lease that never lapses needs every_ms")
        return ttl_ms / 3000

    def _deadline(self, sent: float) -> float | None:
        """When the lease lapses at the earliest: its TTL after the last renewal was *sent*."""
        ttl_ms = self.reservation.ttl_ms
        return None if ttl_ms is None else sent + ttl_ms / 1000

    def _judged(self, answer: Reservation) -> Stop | None:
        if answer.verdict is Verdict.OK:
            self._reservation = answer
            return None
        return Stop(Why(answer.verdict), answer.policy)

    def _refused(self, error: Exception) -> Stop | None:
        """The order that an error gives; None if the next heartbeat may succeed."""
        if isinstance(error, NoLease | NoAccount):
            return Stop(Why.NOLEASE, str(error))
        if isinstance(error, Stale):
            return Stop(Why.STALE, str(error))
        self._unheard = str(error)
        return None

    def _away(self) -> Stop:
        return Stop(Why.AWAY, self._unheard or "no answer")

    def _call(self, stop: Stop) -> None:
        if self._on_stop is not None:
            try:
                self._on_stop(stop)
            except Exception:
                _log.exception("on_stop of lease %s failed", self.id)


class Lease(_Renewed):
    """A lease; made by `Limits.lease`. Its heartbeat is a thread."""

    def __init__(
        self,
        limits: Limits,
        key: Text,
        id: str,
        quotas: Mapping[str, int],
        *,
        ttl_ms: int | None = None,
        every_ms: int | None = None,
        on_stop: Callable[[Stop], object] | None = None,
    ) -> None:
        super().__init__(key, id, quotas, ttl_ms=ttl_ms, every_ms=every_ms, on_stop=on_stop)
        self._limits = limits
        self.stopped = threading.Event()
        """Set with the order to stop."""
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self._sent = 0.0

    def __enter__(self) -> Self:
        if self.reserve().reserved and self.token:
            self._arm()
            self._thread = threading.Thread(
                target=self._beat, args=(self._every(),), daemon=True, name=f"lease {self.id}"
            )
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        if self.reservation.reserved and self.token:
            try:
                self.release()
            except Stale:
                pass  # another has it
            except _UNHEARD:
                _log.warning("lease %s was not released and will lapse", self.id, exc_info=True)

    def reserve(self) -> Reservation:
        """Reserves, grows or shrinks to `quotas`; a denial is an answer."""
        self._sent = time.monotonic()
        command = commands.reserve(self.key, self.id, self.quotas, ttl_ms=self._ttl_ms)
        self._reservation = self._limits.run(command)
        return self._reservation

    def renew(self) -> Reservation:
        """One heartbeat by hand. Raises NoLease and Stale: the job must stop."""
        return self._limits.run(commands.renew(self.key, self.id, self.token))

    def release(self) -> bool:
        """Gives the lease back; False if it was gone. Raises Stale if it is another's."""
        return self._limits.run(commands.release(self.key, self.id, self.token))

    def _beat(self, every: float) -> None:
        while not self._ended.wait(every):
            sent = time.monotonic()
            try:
                order = self._judged(self.renew())
            except _UNHEARD as error:
                order = self._refused(error)
            else:
                self._sent = sent
                if order is None:
                    self._arm()
            if order is not None:
                self._order(order)

    def _arm(self) -> None:
        """Sets the time at which the lease may lapse; a renewal that hangs cannot put it off."""
        deadline = self._deadline(self._sent)
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if deadline is None or self._ended.is_set():
                return
            left = max(0.0, deadline - time.monotonic())
            self._timer = threading.Timer(left, lambda: self._order(self._away()))
            self._timer.daemon = True
            self._timer.start()

    def _order(self, stop: Stop) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
            self.stop = stop
            if self._timer is not None:
                self._timer.cancel()
        self.stopped.set()
        self._call(stop)

    def _end(self) -> None:
        with self._lock:
            self._ended.set()
            if self._timer is not None:
                self._timer.cancel()


class AsyncLease(_Renewed):
    """A lease; made by `AsyncLimits.lease`. Its heartbeat is a task."""

    def __init__(
        self,
        limits: AsyncLimits,
        key: Text,
        id: str,
        quotas: Mapping[str, int],
        *,
        ttl_ms: int | None = None,
        every_ms: int | None = None,
        on_stop: Callable[[Stop], object] | None = None,
    ) -> None:
        super().__init__(key, id, quotas, ttl_ms=ttl_ms, every_ms=every_ms, on_stop=on_stop)
        self._limits = limits
        self.stopped = asyncio.Event()
        """Set with the order to stop."""
        self._task: asyncio.Task[None] | None = None
        self._sent = 0.0

    async def __aenter__(self) -> Self:
        if (await self.reserve()).reserved and self.token:
            self._task = asyncio.create_task(self._beat(self._every()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.reservation.reserved and self.token:
            try:
                await self.release()
            except Stale:
                pass  # another has it
            except _UNHEARD:
                _log.warning("lease %s was not released and will lapse", self.id, exc_info=True)

    async def reserve(self) -> Reservation:
        """As `Lease.reserve`."""
        self._sent = time.monotonic()
        command = commands.reserve(self.key, self.id, self.quotas, ttl_ms=self._ttl_ms)
        self._reservation = await self._limits.run(command)
        return self._reservation

    async def renew(self) -> Reservation:
        """As `Lease.renew`."""
        return await self._limits.run(commands.renew(self.key, self.id, self.token))

    async def release(self) -> bool:
        """As `Lease.release`."""
        return await self._limits.run(commands.release(self.key, self.id, self.token))

    async def _beat(self, every: float) -> None:
        loop = asyncio.get_running_loop()
        order = None
        while order is None:
            deadline = self._deadline(self._sent)
            # The loop's own clock may be another one.
            until = None if deadline is None else loop.time() + deadline - time.monotonic()
            try:
                async with asyncio.timeout_at(until):
                    await asyncio.sleep(every)
                    sent = time.monotonic()
                    order = self._judged(await self.renew())
                    self._sent = sent
            except TimeoutError:
                order = self._away()
            except _UNHEARD as error:
                order = self._refused(error)
        self.stop = order
        self.stopped.set()
        self._call(order)
