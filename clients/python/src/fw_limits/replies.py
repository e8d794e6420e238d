"""What the commands reply, as frozen dataclasses: the same from RESP2 and RESP3.

Where the wire says -1 a field is None: without a limit, never, or that waiting does not help.
Times are Unix milliseconds, durations milliseconds, money exact decimals of dollars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from . import http

T = TypeVar("T")


class Verdict(StrEnum):
    """How a request is judged."""

    OK = "OK"
    DUPLICATE = "DUPLICATE"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    SUSPENDED = "SUSPENDED"
    TOO_LARGE = "TOO_LARGE"
    OVER_BUDGET = "OVER_BUDGET"
    RATE_LIMITED = "RATE_LIMITED"
    CONCURRENCY_LIMITED = "CONCURRENCY_LIMITED"
    IN_FLIGHT = "IN_FLIGHT"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"


class Result(StrEnum):
    """What came of a command about money. DUPLICATE and LATE are results, and no errors."""

    OK = "OK"
    DUPLICATE = "DUPLICATE"
    LATE = "LATE"


HTTP_STATUS: Mapping[Verdict, int] = {
    Verdict.OK: 200,
    Verdict.DUPLICATE: 200,
    Verdict.TOO_LARGE: 400,
    Verdict.OVER_BUDGET: 402,
    Verdict.UNKNOWN_ACCOUNT: 404,
    Verdict.SUSPENDED: 412,
    Verdict.RATE_LIMITED: 429,
    Verdict.CONCURRENCY_LIMITED: 429,
    Verdict.IN_FLIGHT: 429,
    Verdict.QUOTA_EXCEEDED: 429,
}


@dataclass(frozen=True, slots=True)
class Window:
    """A rate window of 60 seconds."""

    limit: int | None
    remaining: int | None
    reset_ms: int
    """Until the window is whole again."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer of ADMIT and PEEK. A denial is an answer too: look at `admitted`."""

    verdict: Verdict
    policy: str
    """Which limit decided, or the reasons of a suspension, comma-joined."""
    limit: int | None
    """Of the tightest requests window, as are the next two."""
    remaining: int | None
    reset_ms: int
    retry_after_ms: int | None
    """0 if it passed; None if waiting does not help."""
    tokens: Window | None
    """The tightest tokens window, if tokens were asked for."""

    @property
    def admitted(self) -> bool:
        """Serve it: it passed now, or had passed already under this hold."""
        return self.verdict in (Verdict.OK, Verdict.DUPLICATE)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the account is suspended; empty if it is not that."""
        return tuple(self.policy.split(",")) if self.verdict is Verdict.SUSPENDED else ()

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.verdict]

    @property
    def retry_after(self) -> int | None:
        """Whole seconds, rounded up, after which to come back; None if waiting does not help."""
        return None if self.retry_after_ms is None else http.seconds(self.retry_after_ms)

    def headers(self) -> dict[str, str]:
        """Fields for the HTTP response, whatever the verdict; `fw_limits.http` has their units."""
        after = self.retry_after
        found = http.window_fields("requests", self.limit, self.remaining, self.reset_ms, after)
        if self.tokens is not None:
            own = self.tokens
            more = http.window_fields("tokens", own.limit, own.remaining, own.reset_ms, after)
            found = http.joined(found, more)
        if after:
            found["Retry-After"] = str(after)
        return found


@dataclass(frozen=True, slots=True)
class MoneyReply:
    """The answer of every command about money, and how the account stands after it."""

    result: Result
    spent: Decimal
    limit: Decimal | None
    held: Decimal
    credits: Decimal
    """Bought and given together."""
    tier: str
    standing: str

    @property
    def active(self) -> bool:
        return self.standing == "active"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the account is suspended; empty if it is active."""
        return () if self.active else tuple(self.standing.split(","))


@dataclass(frozen=True, slots=True)
class Reservation:
    """The answer of RESERVE and RENEW."""

    verdict: Verdict
    token: int
    """Of the lease; 0 if there is none."""
    ttl_ms: int | None
    """Left; None: never lapses; 0 if there is no lease."""
    policy: str
    limit: int | None
    used: int

    @property
    def reserved(self) -> bool:
        return self.verdict is Verdict.OK

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the account is suspended; empty if it is not that."""
        return tuple(self.policy.split(",")) if self.verdict is Verdict.SUSPENDED else ()

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.verdict]


@dataclass(frozen=True, slots=True)
class Account:
    """Everything about an account (FW.GET)."""

    tier: str
    tier_source: str
    standing: str
    blocked_reason: str | None
    payment_method: bool
    spent: Decimal
    held: Decimal
    limit: Decimal | None
    limit_source: str
    remaining: Decimal | None
    credits: Decimal
    promo: Decimal
    owed: Decimal
    history: Decimal
    next_tier: str | None
    next_tier_gap: Decimal | None
    period_start_ms: int
    period_end_ms: int
    previous_spent: Decimal
    open_holds: int
    leases: int
    failed_invoices: int
    anchor_day: int
    created_ms: int

    @property
    def active(self) -> bool:
        return self.standing == "active"

    @property
    def reasons(self) -> tuple[str, ...]:
        return () if self.active else tuple(self.standing.split(","))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit (a row of FW.QUOTAS). Counts are decimals too: `spend` is money."""

    name: str
    limit: Decimal | None
    max: Decimal | None
    used: Decimal
    remaining: Decimal | None
    source: str


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold that is open (a row of FW.HOLDS)."""

    id: str
    amount: Decimal
    charged: Decimal
    held: Decimal
    tokens: int
    scope: str | None
    admitted_ms: int
    lapses_ms: int


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease that is held (a row of FW.LEASES)."""

    id: str
    token: int
    quotas: Mapping[str, int]
    ttl_ms: int | None
    """Its own, not what is left; None: never lapses."""
    lapses_ms: int | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A change of standing, tier or limits (a row of FW.LOG)."""

    time_ms: int
    event: str
    cause: str


@dataclass(frozen=True, slots=True)
class Tier:
    """A row of the tier table."""

    name: str
    limit: Decimal | None
    history: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every check of an ADMIT, for people."""

    verdict: Verdict
    policy: str
    checks: tuple[str, ...]


# Readers: from what redis-py returns (bytes or strings; maps, or flat lists of pairs) to the above.


def string(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return value
    raise TypeError(f"a string was expected, not {value!r}")


def integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"an integer was expected, not {value!r}")
    return value


def bounded(value: Any) -> int | None:
    """An integer that is -1 where there is no bound."""
    found = integer(value)
    return None if found == -1 else found


def amount(value: Any) -> Decimal:
    return Decimal(string(value))


def limit(value: Any) -> Decimal | None:
    found = string(value)
    return None if found == "unlimited" else Decimal(found)


def absent(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """The reader of something that may be Null."""
    return lambda value: None if value is None else read(value)


def pairs(value: Any) -> dict[str, Any]:
    """A map: RESP3 has maps, RESP2 the same as a flat list."""
    if isinstance(value, Mapping):
        return {string(name): item for name, item in value.items()}
    return {string(name): item for name, item in zip(value[::2], value[1::2], strict=True)}


def rows(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda value: tuple(read(row) for row in value)


def admission(reply: Any) -> Admission:
    slots = [bounded(slot) for slot in reply[2:]]
    tokens = None
    if len(slots) > 4:
        tokens = Window(slots[4], slots[5], integer(reply[8]))
    verdict, policy = Verdict(string(reply[0])), string(reply[1])
    return Admission(verdict, policy, slots[0], slots[1], integer(reply[4]), slots[3], tokens)


def money_reply(reply: Any) -> MoneyReply:
    result, spent, most, held, credits_, tier, standing = reply
    return MoneyReply(
        Result(string(result)),
        amount(spent),
        limit(most),
        amount(held),
        amount(credits_),
        string(tier),
        string(standing),
    )


def reservation(reply: Any) -> Reservation:
    verdict, token, ttl_ms, policy, most, used = reply
    return Reservation(
        Verdict(string(verdict)),
        integer(token),
        bounded(ttl_ms),
        string(policy),
        bounded(most),
        integer(used),
    )


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "str": string,
    "str | None": absent(string),
    "bool": lambda value: {"yes": True, "no": False}[string(value)],
    "int": integer,
    "int | None": bounded,
    "Decimal": amount,
    # Null where there is none, `unlimited` where there is no bound.
    "Decimal | None": absent(limit),
    "Mapping[str, int]": lambda value: {n: integer(v) for n, v in pairs(value).items()},
}


def view(kind: type[T]) -> Callable[[Any], T]:
    """The reader of a map whose fields are those of a dataclass; fields that it lacks are left."""
    readers = [(field.name, _READERS[str(field.type)]) for field in fields(kind)]  # type: ignore[arg-type]

    def read(value: Any) -> T:
        found = pairs(value)
        return kind(**{name: reader(found[name]) for name, reader in readers})

    return read


def explanation(reply: Any) -> Explanation:
    first, *checks = [string(line) for line in reply]
    verdict, _, policy = first.partition(" ")
    return Explanation(Verdict(verdict), policy, tuple(checks))
