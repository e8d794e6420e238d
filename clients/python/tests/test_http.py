"""The HTTP status and fields of an answer."""

import pytest

from fw_limits import Admission, Verdict, Window
from fw_limits.replies import HTTP_STATUS


def admission(
    verdict: Verdict = Verdict.OK,
    retry_after_ms: int | None = 0,
    tokens: Window | None = None,
    limit: int = 600,
) -> Admission:
    return Admission(verdict, "requests", limit, 599, 59_001, retry_after_ms, tokens)


def test_every_verdict_has_a_status() -> None:
    assert set(HTTP_STATUS) == set(Verdict)


def test_fields_of_requests() -> None:
    assert admission().headers() == {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-reset-requests": "59.001s",
        "RateLimit-Policy": '"requests";q=600;w=60',
        "RateLimit": '"requests";r=599;t=60',
    }


def test_fields_of_tokens_come_beside_them() -> None:
    found = admission(tokens=Window(5000, 3500, 250)).headers()
    assert found["x-ratelimit-limit-tokens"] == "5000"
    assert found["x-ratelimit-remaining-tokens"] == "3500"
    assert found["x-ratelimit-reset-tokens"] == "0.25s"
    assert found["RateLimit-Policy"] == '"requests";q=600;w=60, "tokens";q=5000;qu="tokens";w=60'
    assert found["RateLimit"] == '"requests";r=599;t=60, "tokens";r=3500;t=1'


@pytest.mark.parametrize(
    ("retry_after_ms", "state"),
    [
        (None, '"requests";r=599;t=60, "tokens";r=0;t=1'),
        (1, '"requests";r=599;t=1, "tokens";r=0;t=1'),
        (7_001, '"requests";r=599;t=8, "tokens";r=0;t=1'),
        (90_000, '"requests";r=599;t=60, "tokens";r=0;t=1'),
    ],
)
def test_a_window_reaches_no_further_than_retry_after(
    retry_after_ms: int | None, state: str
) -> None:
    answer = admission(Verdict.RATE_LIMITED, retry_after_ms, tokens=Window(5000, 0, 250))
    assert answer.headers()["RateLimit"] == state
    assert answer.headers()["x-ratelimit-reset-requests"] == "59.001s"


@pytest.mark.parametrize(
    ("retry_after_ms", "field"), [(0, None), (None, None), (1, "1"), (1000, "1"), (1001, "2")]
)
def test_retry_after_is_rounded_up_and_only_where_waiting_helps(
    retry_after_ms: int | None, field: str | None
) -> None:
    answer = admission(Verdict.RATE_LIMITED, retry_after_ms)
    assert answer.headers().get("Retry-After") == field


def test_a_figure_that_no_structured_field_can_hold_is_left_out() -> None:
    assert "RateLimit" in admission(limit=10**15 - 1).headers()
    found = admission(limit=10**15).headers()
    assert found["x-ratelimit-limit-requests"] == str(10**15)
    assert "RateLimit" not in found
    assert "RateLimit-Policy" not in found
