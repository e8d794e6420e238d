"""Arguments: what is exact goes out, what is not is refused."""

from decimal import Decimal
from typing import Any

import pytest

from fw_limits.words import count, money, text


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        (Decimal("0.0000125"), b"0.0000125"),
        (Decimal("0.000000001"), b"0.000000001"),
        (Decimal("9223372036.854775807"), b"9223372036.854775807"),
        (Decimal("1.500000000000"), b"1.5"),
        (Decimal("1E+3"), b"1000"),
        (Decimal("-0"), b"0"),
        (50, b"50"),
        (0, b"0"),
    ],
)
def test_money_is_sent_exactly(amount: Decimal | int, sent: bytes) -> None:
    assert money(amount) == sent


@pytest.mark.parametrize("amount", [0.1, 1.0, True, "1", None])
def test_money_that_is_no_decimal_is_a_type_error(amount: Any) -> None:
    with pytest.raises(TypeError):
        money(amount)


@pytest.mark.parametrize(
    "amount",
    [
        "0.0000000001",
        "-1",
        "-0.01",
        "NaN",
        "sNaN",
        "Infinity",
        "1E+1000000",
        "1E-1000000",
        "9223372036.854775808",
        "0.12345678901234567890",
    ],
)
def test_money_that_the_module_cannot_say_is_refused_and_not_rounded(amount: str) -> None:
    with pytest.raises(ValueError):
        money(Decimal(amount))


@pytest.mark.parametrize("value", [1.0, "1", None, Decimal(1)])
def test_a_count_is_an_integer(value: Any) -> None:
    with pytest.raises(TypeError):
        count(value)


def test_bytes_that_are_no_utf8_survive_as_text() -> None:
    shown = b"\xff\x00ok".decode("utf-8", "surrogateescape")
    assert text(shown) == b"\xff\x00ok"
    assert text("ü") == "ü".encode()
