"""The errors of the FW commands, as classes. A denial is none: it is an `Admission`.

All of them are `redis.ResponseError`, so code that catches that catches them. What is not about an
account (NOPERM, READONLY, LOADING, a lost connection...) stays what redis-py makes of it.
"""

from __future__ import annotations

import redis


class FwError(redis.ResponseError):
    """An FW command that was refused, and changed nothing."""

    code = ""

    def __init__(self, message: str) -> None:
        super().__init__(message, status_code=self.code)
        self.message = message

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class Invalid(FwError):
    """Malformed, out of range, or at a bound of the account; the message names the argument."""

    code = "ERR"


class WrongType(FwError):
    """The key holds something that is no account."""

    code = "WRONGTYPE"


class NoAccount(FwError):
    """There is no such account, and `fw.new-accounts` is `reject`."""

    code = "NOACCOUNT"


class NoHold(FwError):
    """The hold was never seen, is forgotten, or (EXTEND) is not open."""

    code = "NOHOLD"


class NoLease(FwError):
    """The lease is unknown or has lapsed: what ran under it must stop."""

    code = "NOLEASE"


class Stale(FwError):
    """The lease has another token: whoever sent this one is no longer its owner."""

    code = "STALE"


class Conflict(FwError):
    """The id was used before, with another amount or in another way."""

    code = "CONFLICT"


class NotAllowed(FwError):
    """A VALUE above MAX, or a command that clients may not send."""

    code = "NOTALLOWED"


class OutOfMemory(FwError, redis.OutOfMemoryError):
    """`maxmemory` is reached: no new hold, lease or account. What was used is still recorded."""

    code = "OOM"


class CostUnknown(RuntimeError):
    """A hold's block ended well, and nobody had said what it cost. The hold was voided."""


_CLASSES: dict[str, type[FwError]] = {
    kind.code: kind
    for kind in (
        Invalid,
        WrongType,
        NoAccount,
        NoHold,
        NoLease,
        Stale,
        Conflict,
        NotAllowed,
        OutOfMemory,
    )
}


def classified(error: redis.ResponseError) -> redis.ResponseError:
    """The error in the class of its code; itself where the code is not the module's.

    redis-py takes the code off the text of ERR and OOM, and has classes of its own for others.
    """
    text = str(error)
    if isinstance(error, redis.OutOfMemoryError):
        return OutOfMemory(text)
    word, _, rest = text.partition(" ")
    if word in _CLASSES:
        return _CLASSES[word](rest)
    if type(error) is redis.ResponseError and error.status_code == "ERR":
        return Invalid(text)
    return error
