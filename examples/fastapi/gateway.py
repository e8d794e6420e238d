"""A gateway before a model that streams chat completions, as an example of holds.

A request is admitted with a hold of the most that it may cost, what it really cost is spent when
the stream ends, however it ends, and without Redis nothing is served. Environment:

    GATEWAY_KEYS   API keys and their accounts: sk-one=acct:1,sk-two=acct:2
    REDIS_URL      redis://127.0.0.1:6379
    SETTLE_EVERY   seconds between attempts to record what could not be recorded (1)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any

import redis.asyncio
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

import model
from fw_limits import UNAVAILABLE, Admission, AsyncHold, AsyncLimits

PRICE = Decimal("0.000002")  # dollars a token
HOLD_TTL_MS = 30_000
PARTIAL_EVERY = 20  # tokens; well within the TTL
SETTLE_EVERY = float(os.environ.get("SETTLE_EVERY", "1"))

# An answer within milliseconds or none: a client that waits for Redis is better told so.
connection = redis.asyncio.Redis.from_url(
    os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
    socket_timeout=1,
    socket_connect_timeout=1,
    retry=Retry(NoBackoff(), 1),
)
limits = AsyncLimits(connection)
app = FastAPI()


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


# The account comes from this table and from nothing that the caller wrote: under `fw.new-accounts
# open` whoever chooses the key of an account makes one.
ACCOUNTS = {
    digest(key): account
    for key, _, account in (
        pair.partition("=") for pair in os.environ.get("GATEWAY_KEYS", "").split(",") if pair
    )
}


class Message(BaseModel):
    role: str
    content: str


class Chat(BaseModel):
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    messages: list[Message]
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 256


class Refused(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, headers


def error_body(code: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "param": None, "code": code}}


@app.exception_handler(Refused)
async def refused(_: Request, error: Refused) -> JSONResponse:
    body = error_body(error.code, error.message)
    return JSONResponse(body, status_code=error.status, headers=error.headers)


def account_of(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    account = ACCOUNTS.get(digest(key)) if scheme.lower() == "bearer" else None
    if account is None:
        raise Refused(401, "invalid_api_key", "This API key is not known.")
    return account


def denied(admission: Admission) -> Refused:
    verdict = str(admission.verdict).lower()
    said = f"{verdict}: {', '.join(admission.reasons) or admission.policy}"
    return Refused(admission.http_status, verdict, said, admission.headers())


def cost(tokens: int) -> Decimal:
    return tokens * PRICE


@app.post("/v1/chat/completions")
async def chat(body: Chat, account: Annotated[str, Depends(account_of)]) -> Response:
    prompt = sum(len(message.content.split()) for message in body.messages)
    most = prompt + body.max_tokens
    stack = contextlib.AsyncExitStack()
    try:
        hold = await stack.enter_async_context(
            limits.hold(account, cost(most), scope=body.model, tokens=most, ttl_ms=HOLD_TTL_MS)
        )
    except UNAVAILABLE:
        said = "The limits cannot be asked now."
        raise Refused(503, "unavailable", said, {"Retry-After": "1"}) from None
    if not hold.admitted:
        raise denied(hold.admission)
    hold.used(cost(prompt), prompt)
    return HeldStream(stack, hold, events(hold, body, prompt))


async def events(hold: AsyncHold, body: Chat, prompt: int) -> AsyncIterator[str]:
    """The stream. `used` is said before each token is sent, so that what was sent is charged."""
    total = prompt
    try:
        async for word in model.stream(body.model, body.max_tokens):
            total += 1
            hold.used(cost(total), total)
            if (total - prompt) % PARTIAL_EVERY == 0:
                # Redis may be away for a while: the total is said again later.
                with contextlib.suppress(*UNAVAILABLE):
                    await hold.partial(cost(total), total)
            yield event({"choices": [{"index": 0, "delta": {"content": word}}]})
    except model.ModelFailed as error:
        # Nothing is charged but what a partial has charged already.
        with contextlib.suppress(*UNAVAILABLE):
            await hold.void()
        yield event(error_body("model_failed", str(error)))
        return
    yield event({"choices": [], "usage": {"prompt_tokens": prompt, "total_tokens": total}})
    yield "data: [DONE]\n\n"


def event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps({'object': 'chat.completion.chunk', **body})}\n\n"


class HeldStream(StreamingResponse):
    """A stream that settles its hold when it ends: at its end, or when the client goes away."""

    media_type = "text/event-stream"

    def __init__(
        self, stack: contextlib.AsyncExitStack, hold: AsyncHold, body: AsyncIterator[str]
    ) -> None:
        super().__init__(body, headers=hold.admission.headers())
        self.stack = stack
        self.hold = hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self.stack:
                # One that goes away pays for what was streamed.
                with contextlib.suppress(ClientDisconnect):
                    await super().__call__(scope, receive, send)
        except UNAVAILABLE:
            later(self.hold)


unsettled: set[asyncio.Task[None]] = set()


def later(hold: AsyncHold) -> None:
    """Records what a request cost when Redis is back. A real gateway keeps this on disk, too."""

    async def settle() -> None:
        while hold.total is not None:
            try:
                await hold.spend(*hold.total)
                return
            except UNAVAILABLE:
                await asyncio.sleep(SETTLE_EVERY)

    task = asyncio.create_task(settle())
    unsettled.add(task)
    task.add_done_callback(unsettled.discard)
