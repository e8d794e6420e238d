"""The commands, as values: words to send, and how to read the reply.

`Limits` and `AsyncLimits` send them. They can go into a pipeline of redis-py, too:

    command = commands.admit("acct:1")
    pipe.execute_command(command.name, *command.args)
    admission = command.answer(pipe.execute()[0])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, Generic, Literal, TypeVar

import redis

from . import replies
from .replies import (
    Account,
    Admission,
    Explanation,
    HeldLease,
    Limit,
    LogEntry,
    MoneyReply,
    OpenHold,
    Reservation,
    Tier,
)
from .words import Amount, Text, count, money, text

T = TypeVar("T")

HoldWords = tuple[Text, Amount] | tuple[Text, Amount, int | None]
"""Id, amount, and TTL in milliseconds (`fw.hold-ttl-ms` without one)."""

LimitWord = Decimal | int | Literal["unlimited", "default"]
"""A figure of a limit, no bound, or the platform's figure again."""


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """One command; its account is the first argument."""

    name: str
    args: tuple[bytes, ...]
    read: Callable[[Any], T]

    def answer(self, reply: Any) -> T:
        """The reply, read. One that is not understood is a `redis.InvalidResponse`, and no OK."""
        try:
            return self.read(reply)
        except (ValueError, TypeError, KeyError, IndexError, DecimalException) as error:
            raise redis.InvalidResponse(f"{self.name} replied {reply!r}") from error


def _request(
    key: Text, cost: int | None, scope: Text | None, tokens: int | None, hold: HoldWords | None
) -> tuple[bytes, ...]:
    words = [text(key)]
    if cost is not None:
        words += [b"COST", count(cost)]
    if scope is not None:
        words += [b"SCOPE", text(scope)]
    if tokens is not None:
        words += [b"TOKENS", count(tokens)]
    if hold is not None:
        words += [b"HOLD", text(hold[0]), money(hold[1])]
        ttl_ms = hold[2] if len(hold) == 3 else None
        if ttl_ms is not None:
            words += [b"TTL", count(ttl_ms)]
    return tuple(words)


def admit(
    key: Text,
    *,
    cost: int | None = None,
    scope: Text | None = None,
    tokens: int | None = None,
    hold: HoldWords | None = None,
) -> Command[Admission]:
    """Asks whether the account may be served, and takes all that is asked for, or nothing.

    `cost` requests (1 if None), `scope` a model with limits of its own, `tokens` reserved in the
    tokens windows, `hold` money set aside: (id, amount) or (id, amount, ttl_ms).
    """
    return Command("FW.ADMIT", _request(key, cost, scope, tokens, hold), replies.admission)


def peek(
    key: Text,
    *,
    cost: int | None = None,
    scope: Text | None = None,
    tokens: int | None = None,
    hold: HoldWords | None = None,
) -> Command[Admission]:
    """The answer that `admit` would give; nothing is taken."""
    return Command("FW.PEEK", _request(key, cost, scope, tokens, hold), replies.admission)


def explain(
    key: Text,
    *,
    cost: int | None = None,
    scope: Text | None = None,
    tokens: int | None = None,
    hold: HoldWords | None = None,
) -> Command[Explanation]:
    """Every check that `admit` would make, which one decides, and what would help, for people."""
    return Command("FW.EXPLAIN", _request(key, cost, scope, tokens, hold), replies.explanation)


def _money(name: str, *args: bytes) -> Command[MoneyReply]:
    return Command(name, args, replies.money_reply)


def spend(
    key: Text,
    amount: Amount,
    *,
    id: Text | None = None,
    hold: Text | None = None,
    tokens: int | None = None,
    partial: bool = False,
) -> Command[MoneyReply]:
    """Records a charge.

    With `id` it counts once however often it is sent. With `hold` it is what a held request cost in
    all, with the `tokens` it used; it closes the hold, unless it is the `partial` total so far.
    With neither, a repeat is charged again, and redis-py repeats by itself.
    """
    words = [text(key), money(amount)]
    if id is not None:
        words += [b"ID", text(id)]
    if hold is not None:
        words += [b"HOLD", text(hold)]
    if tokens is not None:
        words += [b"TOKENS", count(tokens)]
    if partial:
        words.append(b"PARTIAL")
    return _money("FW.SPEND", *words)


def void(key: Text, id: Text) -> Command[MoneyReply]:
    """Closes a hold without charging more; what a partial charged stays."""
    return _money("FW.VOID", text(key), text(id))


def extend(key: Text, id: Text, ttl_ms: int) -> Command[MoneyReply]:
    """Keeps an open hold: it lapses `ttl_ms` from now."""
    return _money("FW.EXTEND", text(key), text(id), count(ttl_ms))


def topup(key: Text, amount: Amount, *, id: Text, promo: bool = False) -> Command[MoneyReply]:
    """Credits that were bought or, `promo`, given."""
    words = (text(key), money(amount), b"ID", text(id))
    return _money("FW.TOPUP", *words, *([b"PROMO"] if promo else []))


def refund(key: Text, amount: Amount, *, id: Text) -> Command[MoneyReply]:
    """A credit note."""
    return _money("FW.REFUND", text(key), money(amount), b"ID", text(id))


def invoice(
    key: Text,
    event: Literal["failed", "paid", "voided"],
    invoice: Text,
    *,
    amount: Amount | None = None,
) -> Command[MoneyReply]:
    """What became of an invoice; `amount` goes with `paid` and lowers what is owed."""
    words = [text(key), text(event.upper()), text(invoice)]
    if amount is not None:
        words += [b"AMOUNT", money(amount)]
    return _money("FW.INVOICE", *words)


def set(
    key: Text,
    *,
    payment_method: bool | None = None,
    tier: str | None = None,
    anchor_day: int | None = None,
) -> Command[MoneyReply]:
    """Sets the fields that are given, all or none. `tier` is a name, `unlimited` or `auto`."""
    words = [text(key)]
    if payment_method is not None:
        words += [b"payment-method", b"yes" if payment_method else b"no"]
    if tier is not None:
        words += [b"tier", text(tier)]
    if anchor_day is not None:
        words += [b"anchor-day", count(anchor_day)]
    return _money("FW.SET", *words)


def suspend(key: Text, reason: Text) -> Command[MoneyReply]:
    """Blocks the account until `resume`."""
    return _money("FW.SUSPEND", text(key), text(reason))


def resume(key: Text) -> Command[MoneyReply]:
    """Ends what `suspend` began."""
    return _money("FW.RESUME", text(key))


def _limit_word(value: LimitWord) -> bytes:
    return value.encode() if isinstance(value, str) else money_or_count(value)


def money_or_count(value: Amount) -> bytes:
    """A figure of a limit: a count can be larger than money."""
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return money(value)


def limit(
    key: Text, name: Text, *, value: LimitWord | None = None, max: LimitWord | None = None
) -> Command[Limit]:
    """Sets what the customer chose (`value`), what the operator approved (`max`), or both."""
    words = [text(key), text(name)]
    if value is not None:
        words += [b"VALUE", _limit_word(value)]
    if max is not None:
        words += [b"MAX", _limit_word(max)]
    return Command("FW.LIMIT", tuple(words), replies.view(Limit))


def reserve(
    key: Text, id: Text, quotas: Mapping[str, int], *, ttl_ms: int | None = None
) -> Command[Reservation]:
    """Holds exactly these counts under a lease, or changes nothing; a quota not named keeps its."""
    words = [text(key), b"RESERVE", text(id)]
    for name, wanted in quotas.items():
        words += [text(name), count(wanted)]
    if ttl_ms is not None:
        words += [b"TTL", count(ttl_ms)]
    return Command("FW.QUOTA", tuple(words), replies.reservation)


def renew(key: Text, id: Text, token: int, *, ttl_ms: int | None = None) -> Command[Reservation]:
    """The heartbeat of a lease: its TTL starts anew, or the answer is the order to stop."""
    words = [text(key), b"RENEW", text(id), count(token)]
    if ttl_ms is not None:
        words += [b"TTL", count(ttl_ms)]
    return Command("FW.QUOTA", tuple(words), replies.reservation)


def release(key: Text, id: Text, token: int | None = None) -> Command[bool]:
    """Gives a lease back; False if there was none."""
    words = [text(key), b"RELEASE", text(id), *([] if token is None else [count(token)])]
    return Command("FW.QUOTA", tuple(words), lambda reply: bool(replies.integer(reply)))


def sync(key: Text, upto_token: int, ids: Iterable[Text]) -> Command[int]:
    """Releases every lease with a token up to `upto_token` that is not in `ids`; says how many."""
    words = (text(key), b"SYNC", count(upto_token), *map(text, ids))
    return Command("FW.QUOTA", words, replies.integer)


def _counted(key: Text, most: int | None) -> tuple[bytes, ...]:
    return (text(key),) if most is None else (text(key), b"COUNT", count(most))


def get(key: Text) -> Command[Account | None]:
    """Everything about an account; None if it does not exist."""
    return Command("FW.GET", (text(key),), replies.absent(replies.view(Account)))


def quotas(key: Text) -> Command[tuple[Limit, ...] | None]:
    """All limits of an account; None if it does not exist."""
    return Command("FW.QUOTAS", (text(key),), replies.absent(replies.rows(replies.view(Limit))))


def quota(key: Text, name: Text) -> Command[Limit | None]:
    """One limit of an account; None if the account does not exist."""
    return Command("FW.QUOTAS", (text(key), text(name)), replies.absent(replies.view(Limit)))


def holds(key: Text, *, count: int | None = None) -> Command[tuple[OpenHold, ...] | None]:
    """The open holds, soonest lapse first, 100 unless `count` says more; None without account."""
    read = replies.absent(replies.rows(replies.view(OpenHold)))
    return Command("FW.HOLDS", _counted(key, count), read)


def leases(key: Text, *, count: int | None = None) -> Command[tuple[HeldLease, ...] | None]:
    """The leases by id, 100 unless `count` says more; None without account."""
    read = replies.absent(replies.rows(replies.view(HeldLease)))
    return Command("FW.LEASES", _counted(key, count), read)


def log(key: Text, *, count: int | None = None) -> Command[tuple[LogEntry, ...] | None]:
    """The latest changes of standing, tier and limits, newest first; None without account."""
    read = replies.absent(replies.rows(replies.view(LogEntry)))
    return Command("FW.LOG", _counted(key, count), read)


def tiers() -> Command[tuple[Tier, ...]]:
    """The platform's tier table, lowest first."""
    return Command("FW.TIERS", (), replies.rows(replies.view(Tier)))


def help(command: str | None = None) -> Command[tuple[str, ...]]:
    """How a command is written and what it does, or all of them: lines for people."""
    args = () if command is None else (text(command),)
    return Command("FW.HELP", args, replies.rows(replies.string))
