"""HTTP fields of an answer.

`x-ratelimit-{limit,remaining}-{requests,tokens}` are counts in any 60 seconds, and
`x-ratelimit-reset-{requests,tokens}` seconds with an `s`, such as `60s` or `0.25s`, until the
window is whole again.

`RateLimit-Policy` and `RateLimit` are those of the IETF draft
draft-ietf-httpapi-ratelimit-headers-11: q is the limit, qu its unit where that is not requests, w
the window in seconds, r what remains, t whole seconds, rounded up, in which no more than that can
be used: until the window is whole again, or until Retry-After where that is sooner.

`Retry-After` is whole seconds, rounded up, and comes from retry_after_ms alone: it is absent where
waiting does not help.

A window without a limit has no fields.
"""

from __future__ import annotations

WINDOW_SECONDS = 60
# The largest integer that a structured field can hold (RFC 9651).
_LARGEST = 999_999_999_999_999


def seconds(ms: int) -> int:
    """Whole seconds, rounded up: a client that comes back earlier would be denied again."""
    return -(-ms // 1000)


def window_fields(
    unit: str, limit: int | None, remaining: int | None, reset_ms: int, retry_after: int | None
) -> dict[str, str]:
    """The fields of one window; `unit` is `requests` or `tokens`."""
    if limit is None or remaining is None:
        return {}
    reset = f"{reset_ms // 1000}.{reset_ms % 1000:03d}".rstrip("0").rstrip(".")
    found = {
        f"x-ratelimit-limit-{unit}": str(limit),
        f"x-ratelimit-remaining-{unit}": str(remaining),
        f"x-ratelimit-reset-{unit}": f"{reset}s",
    }
    if limit <= _LARGEST:
        # The draft's own unit is requests, and it has none for tokens.
        own = "" if unit == "requests" else f';qu="{unit}"'
        after = min(seconds(reset_ms), retry_after or seconds(reset_ms))
        found["RateLimit-Policy"] = f'"{unit}";q={limit}{own};w={WINDOW_SECONDS}'
        found["RateLimit"] = f'"{unit}";r={remaining};t={after}'
    return found


def joined(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Both; a field that both have is a list."""
    shared = {name: f"{one[name]}, {other[name]}" for name in one.keys() & other.keys()}
    return {**one, **other, **shared}
