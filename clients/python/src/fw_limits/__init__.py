"""Client of fw-limits, the Redis module for rate limits, spending limits and quotas.

limits = Limits(redis.Redis())
admission = limits.admit("acct:42")
if not admission.admitted:
    return admission.http_status, admission.headers()
"""

from . import commands
from .client import UNAVAILABLE, AsyncLimits, Limits
from .commands import Command
from .errors import (
    Conflict,
    CostUnknown,
    FwError,
    Invalid,
    NoAccount,
    NoHold,
    NoLease,
    NotAllowed,
    OutOfMemory,
    Stale,
    WrongType,
)
from .holds import AsyncHold, Hold
from .leases import AsyncLease, Lease, Stop, Why
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
    Result,
    Tier,
    Verdict,
    Window,
)
from .words import Amount

__all__ = [
    "UNAVAILABLE",
    "Account",
    "Admission",
    "Amount",
    "AsyncHold",
    "AsyncLease",
    "AsyncLimits",
    "Command",
    "Conflict",
    "CostUnknown",
    "Explanation",
    "FwError",
    "HeldLease",
    "Hold",
    "Invalid",
    "Lease",
    "Limit",
    "Limits",
    "LogEntry",
    "MoneyReply",
    "NoAccount",
    "NoHold",
    "NoLease",
    "NotAllowed",
    "OpenHold",
    "OutOfMemory",
    "Reservation",
    "Result",
    "Stale",
    "Stop",
    "Tier",
    "Verdict",
    "Why",
    "Window",
    "WrongType",
    "commands",
]
