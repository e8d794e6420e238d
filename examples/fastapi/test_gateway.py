"""The gateway over real HTTP, with everything that can happen to a stream."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from conftest import HERE, Gateway
from servers import until

D = Decimal
KEY = "acct:1"
PRICE = D("0.000002")
TTL_MS = 30_000


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    gateway.server.clear()
    with httpx.Client(base_url=gateway.url) as client:
        yield client


def chat(
    http: httpx.Client, model: str = "model", most: int = 30, key: str = "sk-one", **more: Any
) -> AbstractContextManager[httpx.Response]:
    body = {
        "model": model,
        "max_tokens": most,
        "messages": [{"role": "user", "content": "say five words or so"}],
        "stream": True,
        **more,
    }
    headers = {"authorization": f"Bearer {key}"}
    return http.stream("POST", "/v1/chat/completions", json=body, headers=headers)


def words(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def refusal(http: httpx.Client, **asked: Any) -> tuple[httpx.Response, dict[str, Any]]:
    with chat(http, **asked) as response:
        return response, json.loads(response.read())["error"]


def account(gateway: Gateway) -> dict[str, Any]:
    found = gateway.server.ask("FW.GET", KEY)
    assert isinstance(found, dict)
    return found


def is_settled(gateway: Gateway, tokens: int) -> bool:
    found = account(gateway)
    return (found["open_holds"], found["held"], D(found["spent"])) == (0, "0", tokens * PRICE)


def test_a_stream_is_held_and_spent(gateway: Gateway, http: httpx.Client) -> None:
    gateway.server.ask("FW.LIMIT", KEY, "tokens", "MAX", 1000)
    with chat(http) as response:
        assert response.status_code == 200
        assert response.headers["x-ratelimit-remaining-requests"] == "599"
        assert response.headers["x-ratelimit-remaining-tokens"] == "965"
        assert response.headers["ratelimit"] == '"requests";r=599;t=60, "tokens";r=965;t=60'
        assert "retry-after" not in response.headers
        chunks = list(words(response))
    assert len(chunks) == 31
    assert chunks[-1]["usage"] == {"prompt_tokens": 5, "total_tokens": 35}
    until(lambda: is_settled(gateway, 35), "it was not spent")
    assert gateway.server.ask("FW.QUOTAS", KEY, "tokens")["used"] == "35"


def test_a_denial_is_429_with_a_time_to_come_back(gateway: Gateway, http: httpx.Client) -> None:
    gateway.server.ask("FW.LIMIT", KEY, "requests", "MAX", 1)
    with chat(http) as response:
        response.read()
    response, error = refusal(http)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "60"
    assert response.headers["x-ratelimit-remaining-requests"] == "0"
    assert error["code"] == "rate_limited"
    assert error["message"] == "rate_limited: requests"


def test_more_than_the_budget_is_402(gateway: Gateway, http: httpx.Client) -> None:
    gateway.server.ask("FW.SPEND", KEY, "49.99999")
    response, error = refusal(http)
    assert (response.status_code, error["code"]) == (402, "over_budget")
    assert "retry-after" not in response.headers


def test_a_suspension_is_412_with_its_reasons(gateway: Gateway, http: httpx.Client) -> None:
    gateway.server.ask("FW.SUSPEND", KEY, "fraud")
    gateway.server.ask("FW.SPEND", KEY, 50)
    response, error = refusal(http)
    assert (response.status_code, error["code"]) == (412, "suspended")
    assert error["message"] == "suspended: blocked, spend_limit"
    assert "retry-after" not in response.headers


def test_the_account_is_that_of_the_key(gateway: Gateway, http: httpx.Client) -> None:
    for key in ("sk-nobody", "sk-one=acct", "acct:1"):
        response, error = refusal(http, key=key)
        assert (response.status_code, error["code"]) == (401, "invalid_api_key")
    assert gateway.server.ask("DBSIZE") == 0
    with chat(http, key="sk-two", user="acct:1", account="acct:1") as response:
        response.read()
    assert gateway.server.ask("KEYS", "*") == ["acct:2"]


def test_a_model_that_fails_costs_nothing(gateway: Gateway, http: httpx.Client) -> None:
    with chat(http, model="model-fails-3") as response:
        chunks = list(words(response))
    assert chunks[-1]["error"]["code"] == "model_failed"
    until(lambda: is_settled(gateway, 0), "it was not voided")


def test_a_client_that_goes_away_pays_what_was_streamed(
    gateway: Gateway, http: httpx.Client
) -> None:
    with chat(http, model="model-stalls-3") as response:
        stream = words(response)
        for _ in range(3):
            next(stream)
        assert account(gateway)["open_holds"] == 1
    until(lambda: is_settled(gateway, 5 + 3), "it was not spent")


def test_a_gateway_that_is_killed_leaks_nothing(gateway: Gateway, http: httpx.Client) -> None:
    with chat(http, model="model-stalls-25") as response:
        stream = words(response)
        for _ in range(25):
            next(stream)
        gateway.kill()
        with pytest.raises(httpx.TransportError):
            next(stream)
    found = account(gateway)
    # A partial after 20 tokens has charged so much; the rest is held until the hold lapses.
    assert (found["open_holds"], D(found["held"])) == (1, (35 - 25) * PRICE)
    gateway.server.advance(TTL_MS - 1)
    assert account(gateway)["open_holds"] == 1
    gateway.server.advance(1)
    assert is_settled(gateway, 25)
    gateway.start()
    with chat(http) as response:
        assert len(list(words(response))) == 31
    until(lambda: is_settled(gateway, 25 + 35), "it was not spent")


def test_without_redis_nothing_is_served(gateway: Gateway, http: httpx.Client) -> None:
    gateway.server.kill()
    try:
        response, error = refusal(http)
    finally:
        gateway.server.start()
    assert (response.status_code, error["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "1"
    with chat(http) as served:
        assert served.status_code == 200


def test_what_redis_missed_is_recorded_when_it_is_back(
    gateway: Gateway, http: httpx.Client
) -> None:
    with chat(http, model="model-stalls-3") as response:
        stream = words(response)
        for _ in range(3):
            next(stream)
        gateway.server.kill()
    gateway.server.start()  # it has kept nothing: neither the hold nor the account
    until(lambda: bool(gateway.server.ask("EXISTS", KEY)), "it was not recorded")
    assert is_settled(gateway, 5 + 3)


def test_a_server_that_says_so_by_an_error_makes_no_difference(
    gateway: Gateway, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From ASGI 2.4 on, a client that went away is an OSError of `send`; uvicorn cancels."""
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{gateway.server.port}")
    monkeypatch.setenv("GATEWAY_KEYS", "sk-one=acct:1")
    monkeypatch.syspath_prepend(HERE)
    app = importlib.import_module("gateway").app
    body = {"model": "model", "messages": [{"role": "user", "content": "two words"}]}
    parts = iter([{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}])
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return next(parts)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))
        if len(sent) == 1 + 3:
            raise OSError("the client went away")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/chat/completions",
        "query_string": b"",
        "headers": [
            (b"authorization", b"Bearer sk-one"),
            (b"content-type", b"application/json"),
        ],
    }
    asyncio.run(app(scope, receive, send))
    assert is_settled(gateway, 2 + 3)
