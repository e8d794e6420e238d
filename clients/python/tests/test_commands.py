"""Every command, and every reply, from both clients in both protocols."""

import inspect
from dataclasses import FrozenInstanceError
from decimal import Decimal
from typing import Any

import pytest
import redis

from fw_limits import (
    Account,
    Admission,
    AsyncLimits,
    Conflict,
    FwError,
    HeldLease,
    Invalid,
    Limit,
    Limits,
    LogEntry,
    MoneyReply,
    NoAccount,
    NoHold,
    NoLease,
    NotAllowed,
    OpenHold,
    OutOfMemory,
    Reservation,
    Result,
    Stale,
    Tier,
    Verdict,
    Window,
    WrongType,
    commands,
)
from servers import NOON, Server

D = Decimal
KEY = "acct:1"


async def test_an_admission_and_a_denial_are_values(limits: AsyncLimits, server: Server) -> None:
    assert await limits.admit(KEY) == Admission(
        Verdict.OK, "requests", 600, 599, 60_000, 0, tokens=None
    )
    assert (await limits.admit(KEY, cost=599)).admitted
    denied = await limits.admit(KEY)
    assert denied == Admission(Verdict.RATE_LIMITED, "requests", 600, 0, 60_000, 60_000, None)
    assert not denied.admitted
    assert denied.retry_after == 60
    server.advance(59_001)
    assert (await limits.peek(KEY)).retry_after_ms == 999
    assert (await limits.peek(KEY)).retry_after == 1
    server.advance(999)
    assert (await limits.admit(KEY)).admitted
    too_large = await limits.admit(KEY, cost=601)
    assert (too_large.verdict, too_large.retry_after_ms) == (Verdict.TOO_LARGE, None)
    assert too_large.retry_after is None


async def test_tokens_scopes_and_holds(limits: AsyncLimits) -> None:
    await limits.limit(KEY, "tokens@llama-70b", max=5000)
    asked: dict[str, Any] = {
        "cost": 2,
        "scope": "llama-70b",
        "tokens": 1500,
        "hold": ("req-1", D("0.02"), 30_000),
    }
    first = await limits.admit(KEY, **asked)
    assert first.tokens == Window(5000, 3500, 60_000)
    assert first.remaining == 598
    again = await limits.admit(KEY, **asked)
    assert again.verdict is Verdict.DUPLICATE
    assert again.admitted
    assert await limits.holds(KEY) == (
        OpenHold("req-1", D("0.02"), D(0), D("0.02"), 1500, "llama-70b", NOON, NOON + 30_000),
    )
    part = await limits.spend(KEY, D("0.004"), hold="req-1", tokens=400, partial=True)
    assert part == MoneyReply(Result.OK, D("0.004"), D(50), D("0.016"), D(0), "tier-1", "active")
    assert part.active
    assert (await limits.extend(KEY, "req-1", 1000)).held == D("0.016")
    final = await limits.spend(KEY, D("0.0095"), hold="req-1", tokens=950)
    assert (final.spent, final.held) == (D("0.0095"), D(0))
    repeated = await limits.spend(KEY, D("0.0095"), hold="req-1", tokens=950)
    assert repeated.result is Result.DUPLICATE
    assert await limits.holds(KEY) == ()


async def test_a_hold_without_a_ttl_and_one_that_lapsed(
    limits: AsyncLimits, server: Server
) -> None:
    await limits.admit(KEY, hold=("req-1", 1))
    server.advance(60_000)
    assert (await limits.spend(KEY, 1, hold="req-1")).result is Result.LATE
    await limits.admit(KEY, hold=("req-2", 1))
    assert (await limits.void(KEY, "req-2")).spent == 1


async def test_money_and_standing(limits: AsyncLimits) -> None:
    spent = await limits.spend(KEY, 50, id="gpu-1")
    assert not spent.active
    assert spent.reasons == ("spend_limit",)
    assert (await limits.spend(KEY, 50, id="gpu-1")).result is Result.DUPLICATE
    blocked = await limits.suspend(KEY, "asked by the risk team")
    assert blocked.reasons == ("blocked", "spend_limit")
    denied = await limits.admit(KEY)
    assert denied.reasons == ("blocked", "spend_limit")
    assert denied.http_status == 412
    await limits.resume(KEY)
    topped = await limits.topup(KEY, D("100.50"), id="buy-1")
    assert (topped.tier, topped.limit, topped.credits) == ("tier-2", D(500), D("50.5"))
    assert (await limits.topup(KEY, 5, id="gift-1", promo=True)).credits == D("55.5")
    assert (await limits.refund(KEY, D("0.5"), id="note-1")).spent == D("49.5")
    assert (await limits.invoice(KEY, "failed", "in_1")).reasons == ("payment_failed",)
    assert (await limits.invoice(KEY, "paid", "in_1", amount=D("1.25"))).active
    assert (await limits.invoice(KEY, "voided", "in_2")).active
    changed = await limits.set(KEY, payment_method=False, tier="unlimited", anchor_day=15)
    assert changed.limit is None
    assert (await limits.set(KEY, payment_method=True, tier="auto")).limit == D(500)


async def test_the_view_of_an_account(limits: AsyncLimits) -> None:
    assert await limits.get(KEY) is None
    await limits.topup(KEY, D("0.1"), id="buy-1")
    account = await limits.get(KEY)
    assert account == Account(
        tier="tier-1",
        tier_source="auto",
        standing="active",
        blocked_reason=None,
        payment_method=True,
        spent=D(0),
        held=D(0),
        limit=D(50),
        limit_source="tier",
        remaining=D(50),
        credits=D("0.1"),
        promo=D(0),
        owed=D(0),
        history=D("0.1"),
        next_tier="tier-2",
        next_tier_gap=D("99.9"),
        period_start_ms=NOON,
        period_end_ms=1_769_904_000_000,
        previous_spent=D(0),
        open_holds=0,
        leases=0,
        failed_invoices=0,
        anchor_day=1,
        created_ms=NOON,
    )
    with pytest.raises(FrozenInstanceError):
        account.tier = "tier-4"  # type: ignore[misc]
    await limits.suspend(KEY, "fraud")
    await limits.set(KEY, tier="unlimited")
    account = await limits.get(KEY)
    assert account is not None
    assert (account.blocked_reason, account.reasons) == ("fraud", ("blocked",))
    assert (account.limit, account.remaining) == (None, None)


async def test_limits(limits: AsyncLimits) -> None:
    row = Limit("requests", D(100), D(600), D(0), D(100), "customer")
    assert await limits.limit(KEY, "requests", value=100) == row
    assert await limits.quota(KEY, "requests") == row
    assert (await limits.limit(KEY, "requests", value="default")).limit == 600
    assert (await limits.limit(KEY, "requests", max="unlimited")).limit is None
    assert (await limits.limit(KEY, "spend", max=D("1000.5"))).max == D("1000.5")
    largest = 2**63 - 1
    assert (await limits.limit(KEY, "requests", max=largest)).limit == largest
    assert (await limits.admit(KEY, cost=0)).remaining == largest
    rows = await limits.quotas(KEY)
    assert rows is not None
    assert [row.name for row in rows][:4] == ["requests", "tokens", "concurrency", "spend"]
    assert rows[1] == Limit("tokens", None, None, D(0), None, "platform")
    await limits.limit(KEY, "requests", max="unlimited")
    free = await limits.admit(KEY, tokens=5)
    assert (free.limit, free.remaining, free.tokens) == (None, None, Window(None, None, 0))
    assert free.headers() == {}


async def test_leases(limits: AsyncLimits) -> None:
    first = await limits.reserve(KEY, "train-1", {"h100": 8, "a100": 1}, ttl_ms=60_000)
    assert first == Reservation(Verdict.OK, 1, 60_000, "", 8, 8)
    assert first.reserved
    denied = await limits.reserve(KEY, "train-2", {"h100": 1})
    assert denied == Reservation(Verdict.QUOTA_EXCEEDED, 0, 0, "h100", 8, 8)
    assert denied.http_status == 429
    assert not denied.reserved
    assert (await limits.renew(KEY, "train-1", 1, ttl_ms=0)).ttl_ms is None
    held = HeldLease("train-1", 1, {"a100": 1, "h100": 8}, None, None)
    assert await limits.leases(KEY) == (held,)
    await limits.suspend(KEY, "fraud")
    assert (await limits.renew(KEY, "train-1", 1)).reasons == ("blocked",)
    assert await limits.release(KEY, "train-1", 1) is True
    assert await limits.release(KEY, "train-1") is False
    await limits.resume(KEY)
    await limits.reserve(KEY, "lost-1", {"a100": 1})
    await limits.reserve(KEY, "runs-1", {"a100": 1})
    assert await limits.sync(KEY, 3, ["runs-1"]) == 1


async def test_views_for_people(limits: AsyncLimits) -> None:
    assert await limits.log(KEY) is None
    await limits.suspend(KEY, "fraud")
    entries = await limits.log(KEY, count=1)
    assert entries == (LogEntry(NOON, "suspended", "blocked: fraud"),)
    explained = await limits.explain(KEY, cost=2)
    assert (explained.verdict, explained.policy) == (Verdict.SUSPENDED, "blocked")
    assert any(check.startswith("DENY standing") for check in explained.checks)
    assert (await limits.tiers())[0] == Tier("tier-1", D(50), D(0))
    assert (await limits.help("VOID"))[0] == "FW.VOID key id"
    assert len(await limits.help()) > 10


async def test_an_unknown_account(limits: AsyncLimits, server: Server) -> None:
    server.ask("CONFIG", "SET", "fw.new-accounts", "reject")
    unknown = await limits.admit("nobody")
    assert unknown == Admission(Verdict.UNKNOWN_ACCOUNT, "", None, None, 0, None, None)
    assert (unknown.http_status, unknown.retry_after, unknown.headers()) == (404, None, {})
    for view in (limits.get, limits.quotas, limits.holds, limits.leases, limits.log):
        assert await view("nobody") is None
    with pytest.raises(NoAccount):
        await limits.spend("nobody", 1)


async def test_keys_and_ids_that_are_no_utf8(limits: AsyncLimits) -> None:
    key, id = b"\x00\xff\r\n", b"\xfe\x00"
    await limits.admit(key, hold=(id, 1))
    holds = await limits.holds(key)
    assert holds is not None
    assert holds[0].scope is None
    assert holds[0].id == "\udcfe\x00"
    assert (await limits.spend(key, 1, hold=holds[0].id)).held == 0


async def test_errors_by_their_classes(limits: AsyncLimits, server: Server) -> None:
    await limits.spend(KEY, 1, id="gpu-1")
    await limits.reserve(KEY, "serve-1", {"a100": 1})
    server.ask("SET", "text", "hello")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    calls: list[tuple[type[FwError], str, Any]] = [
        (NoHold, "NOHOLD", limits.void(KEY, "never-seen")),
        (NoLease, "NOLEASE", limits.renew(KEY, "never-seen", 1)),
        (Stale, "STALE", limits.renew(KEY, "serve-1", 7)),
        (Conflict, "CONFLICT", limits.spend(KEY, 2, id="gpu-1")),
        (NotAllowed, "NOTALLOWED", limits.limit(KEY, "requests", value=700)),
        (WrongType, "WRONGTYPE", limits.admit("text")),
        (Invalid, "ERR", limits.admit(KEY, scope="with blanks ")),
        (OutOfMemory, "OOM", limits.admit(KEY, hold=("req-1", 1))),
    ]
    for kind, code, call in calls:
        with pytest.raises(kind) as caught:
            await call
        assert type(caught.value) is kind
        assert caught.value.code == code
        assert caught.value.message
        assert str(caught.value).startswith(f"{code} ")
        assert isinstance(caught.value, redis.ResponseError)
    assert issubclass(OutOfMemory, redis.OutOfMemoryError)


async def test_other_errors_stay_those_of_redis_py(limits: AsyncLimits, server: Server) -> None:
    server.ask("ACL", "SETUSER", "default", "-fw.topup")
    try:
        with pytest.raises(redis.exceptions.NoPermissionError):
            await limits.topup(KEY, 1, id="t")
    finally:
        server.ask("ACL", "SETUSER", "default", "+fw.topup")


async def test_a_reply_that_is_not_understood_is_no_verdict() -> None:
    command = commands.admit(KEY)
    for reply in ([b"FINE", b"", 1, 1, 0, 0], [b"OK"], None, [b"OK", b"", b"1", 1, 0, 0]):
        with pytest.raises(redis.InvalidResponse):
            command.answer(reply)


def test_commands_go_into_pipelines(sync_limits: Limits, server: Server) -> None:
    with redis.Redis(port=server.port, decode_responses=True) as connection:
        pipe = connection.pipeline(transaction=False)
        batch = [commands.admit(KEY), commands.admit(KEY, cost=2)]
        for command in batch:
            send: Any = pipe.execute_command
            send(command.name, *command.args)
        answers = [c.answer(r) for c, r in zip(batch, pipe.execute(), strict=True)]
    assert [answer.remaining for answer in answers] == [599, 597]


def test_a_method_shows_the_arguments_of_its_command() -> None:
    shown = str(inspect.signature(Limits(redis.Redis()).void))
    assert "key" in shown
    assert "id" in shown
    assert Limits.void.__doc__
