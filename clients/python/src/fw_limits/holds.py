"""A held request from its admission to its settlement.

    with limits.hold(key, Decimal("0.02"), tokens=1500) as hold:
        if not hold.admitted:
            return hold.admission.http_status
        answer = serve()
        hold.used(answer.cost, answer.tokens)

At the end of the block the amount that `used` named is spent. If the block raises, or is cancelled,
the hold is voided, and what `partial` had charged stays. If nobody said what it cost the hold is
voided, and `CostUnknown` is raised: nobody is charged by guess, and the mistake shows at once.

Every command carries the hold's id, so redis-py may send each again when a reply is lost. If the
process dies, the hold lapses after its TTL and what was not charged is free.

A hold that the server no longer knows (it was lost in a failover, or forgotten long after it
lapsed) is charged under an id of its own, `hold:` and the hold's id, which counts once, too. What
partials have charged is not charged again.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import commands
from .commands import Command
from .errors import CostUnknown, NoHold
from .replies import Admission, MoneyReply
from .words import Amount, Text, exact

if TYPE_CHECKING:
    from .client import AsyncLimits, Limits

T = TypeVar("T")

_log = logging.getLogger("fw_limits")

# An id is 1 to 128 bytes, and `hold:` goes before this one.
_LONGEST_ID = 123


class _Held:
    """What the two kinds of holds share: what they send, and what is known of the hold."""

    def __init__(
        self,
        key: Text,
        amount: Amount,
        *,
        id: str | None,
        ttl_ms: int | None,
        cost: int | None,
        scope: Text | None,
        tokens: int | None,
    ) -> None:
        self.key = key
        self.id = str(uuid.uuid4()) if id is None else id
        if not 1 <= len(self.id.encode("utf-8", "surrogateescape")) <= _LONGEST_ID:
            raise ValueError(f"a hold's id is 1 to {_LONGEST_ID} bytes")
        hold = (self.id, exact(amount), ttl_ms)
        self._admit = commands.admit(key, cost=cost, scope=scope, tokens=tokens, hold=hold)
        self._entered = False
        self._admission: Admission | None = None
        self._total: tuple[Decimal, int | None] | None = None
        self._charged = Decimal(0)
        self._settling = False

    @property
    def admission(self) -> Admission:
        """The answer to the request, with its HTTP status and headers."""
        if self._admission is None:
            raise RuntimeError("a hold is admitted by its with block")
        return self._admission

    @property
    def admitted(self) -> bool:
        """Whether to serve it. If not, nothing is held, and the block's end does nothing."""
        return self.admission.admitted

    @property
    def total(self) -> tuple[Decimal, int | None] | None:
        """The amount and tokens that `used`, `partial` or `spend` named last."""
        return self._total

    def used(self, amount: Amount, tokens: int | None = None) -> None:
        """Says what the request cost so far, in all; the end of the block spends it."""
        self._must_be_open()
        self._total = (exact(amount), tokens)

    def _must_be_open(self) -> None:
        if not self.admitted:
            raise RuntimeError(
                f"the request was denied ({self.admission.verdict}): nothing is held"
            )

    def _begin(self) -> Command[Admission]:
        if self._entered:
            raise RuntimeError("a hold is entered once: its id must not be admitted again")
        self._entered = True
        return self._admit

    def _partial(self, amount: Amount, tokens: int | None) -> Command[MoneyReply]:
        self.used(amount, tokens)
        return commands.spend(self.key, amount, hold=self.id, tokens=tokens, partial=True)

    def _spend(self, amount: Amount, tokens: int | None) -> Command[MoneyReply]:
        self.used(amount, tokens)
        # From here on it may have been charged: it is never voided.
        self._settling = True
        return commands.spend(self.key, amount, hold=self.id, tokens=tokens)

    def _spend_unknown(self, amount: Amount) -> Command[MoneyReply]:
        rest = max(exact(amount) - self._charged, Decimal(0))
        return commands.spend(self.key, rest, id=f"hold:{self.id}")

    def _void(self) -> Command[MoneyReply]:
        self._must_be_open()
        self._settling = True
        return commands.void(self.key, self.id)

    def _open(self) -> bool:
        """Whether the end of the block has something to settle."""
        admitted = self._admission is not None and self._admission.admitted
        return admitted and not self._settling


class Hold(_Held):
    """A held request; made by `Limits.hold`."""

    def __init__(self, limits: Limits, key: Text, amount: Amount, **options: Any) -> None:
        super().__init__(key, amount, **options)
        self._limits = limits

    def __enter__(self) -> Self:
        self._admission = self._limits.run(self._begin())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._open():
            return
        if error is not None:
            try:
                self.void()
            except Exception:
                # The block's own error goes on; the hold lapses by itself.
                _log.warning("hold %s was not voided and will lapse", self.id, exc_info=True)
        elif self._total is not None:
            self.spend(*self._total)
        else:
            self.void()
            raise CostUnknown(f"nobody said what hold {self.id} cost; it was voided")

    def partial(self, amount: Amount, tokens: int | None = None) -> MoneyReply | None:
        """Charges the total so far, and starts the hold's TTL anew.

        The reply says whether the account may go on. None: the server does not know the hold; the
        end charges everything. A total below an earlier one is the error Conflict.
        """
        try:
            reply = self._limits.run(self._partial(amount, tokens))
        except NoHold:
            return None
        self._charged = exact(amount)
        return reply

    def extend(self, ttl_ms: int) -> MoneyReply | None:
        """Lets the hold lapse `ttl_ms` from now; None: it is not open, and can still be spent."""
        self._must_be_open()
        try:
            return self._limits.run(commands.extend(self.key, self.id, ttl_ms))
        except NoHold:
            return None

    def spend(self, amount: Amount, tokens: int | None = None) -> MoneyReply:
        """Charges what the request cost in all, and closes the hold now.

        If it raises, it may have been charged: call it again with the same figures, also after the
        block.
        """
        try:
            return self._limits.run(self._spend(amount, tokens))
        except NoHold:
            return self._limits.run(self._spend_unknown(amount))

    def void(self) -> MoneyReply | None:
        """Closes the hold without charging more, now. None: the server does not know it."""
        try:
            return self._limits.run(self._void())
        except NoHold:
            return None


class AsyncHold(_Held):
    """A held request; made by `AsyncLimits.hold`.

    `spend` and `void` are finished in the background if the task that awaits them is cancelled, so
    a client that disconnects does not keep a hold from being settled.
    """

    def __init__(self, limits: AsyncLimits, key: Text, amount: Amount, **options: Any) -> None:
        super().__init__(key, amount, **options)
        self._limits = limits

    async def __aenter__(self) -> Self:
        command = self._begin()
        try:
            self._admission = await self._limits.run(command)
        except asyncio.CancelledError:
            # It may have been admitted; nobody will serve it.
            _in_background(self._unheard(), f"hold {self.id} was not voided and will lapse")
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._open():
            return
        if error is not None:
            try:
                await self.void()
            except Exception:
                # The block's own error goes on; the hold lapses by itself.
                _log.warning("hold %s was not voided and will lapse", self.id, exc_info=True)
        elif self._total is not None:
            await self.spend(*self._total)
        else:
            await self.void()
            raise CostUnknown(f"nobody said what hold {self.id} cost; it was voided")

    async def partial(self, amount: Amount, tokens: int | None = None) -> MoneyReply | None:
        """As `Hold.partial`."""
        try:
            reply = await self._limits.run(self._partial(amount, tokens))
        except NoHold:
            return None
        self._charged = exact(amount)
        return reply

    async def extend(self, ttl_ms: int) -> MoneyReply | None:
        """As `Hold.extend`."""
        self._must_be_open()
        try:
            return await self._limits.run(commands.extend(self.key, self.id, ttl_ms))
        except NoHold:
            return None

    async def spend(self, amount: Amount, tokens: int | None = None) -> MoneyReply:
        """As `Hold.spend`."""
        command, otherwise = self._spend(amount, tokens), self._spend_unknown(amount)

        async def settle() -> MoneyReply:
            try:
                return await self._limits.run(command)
            except NoHold:
                return await self._limits.run(otherwise)

        return await _to_the_end(settle(), f"hold {self.id} was not spent and will lapse")

    async def void(self) -> MoneyReply | None:
        """As `Hold.void`."""
        self._void()
        return await _to_the_end(self._unheard(), f"hold {self.id} was not voided and will lapse")

    async def _unheard(self) -> MoneyReply | None:
        try:
            return await self._limits.run(commands.void(self.key, self.id))
        except NoHold:
            return None


# The loop itself keeps no task alive.
_running: set[asyncio.Task[Any]] = set()


def _begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


def _in_background(work: Coroutine[Any, Any, T], failure: str) -> None:
    """Begins work that nobody waits for; logs it if it fails."""
    _begun(work).add_done_callback(lambda done: _tell(done, failure))


def _tell(task: asyncio.Task[Any], failure: str) -> None:
    error = None if task.cancelled() else task.exception()
    if task.cancelled() or error is not None:
        _log.warning("%s", failure, exc_info=error)


async def _to_the_end(work: Coroutine[Any, Any, T], failure: str) -> T:
    """Awaits work that goes on if its caller is cancelled."""
    task = _begun(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: _tell(done, failure))
        raise
