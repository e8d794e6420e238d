"""Arguments as the bytes of a command. Money is exact: decimals go in, never floats."""

from __future__ import annotations

import operator
from decimal import Context, Decimal, Inexact, InvalidOperation

Amount = Decimal | int
"""Dollars: 0 to 9223372036.854775807, with at most 9 decimals."""

Text = str | bytes
"""A key or an id. A string goes out as UTF-8, and comes back as it was."""

GREATEST = Decimal("9223372036.854775807")
# More digits than the greatest amount has cannot be exact, and trap.
_EXACT = Context(prec=19, traps=[Inexact, InvalidOperation])


def text(value: Text) -> bytes:
    """A word. Bytes that are no UTF-8 survive as the lone surrogates that replies show for them."""
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def count(value: int) -> bytes:
    """A count or a duration; a float is a TypeError."""
    return b"%d" % operator.index(value)


def exact(amount: Amount) -> Decimal:
    """The amount as a decimal in its shortest form.

    Raises TypeError for anything but a Decimal or an int, ValueError for what the module's money
    cannot say exactly. Nothing is rounded.
    """
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int):
        raise TypeError(f"money is a decimal.Decimal or an int, not {type(amount).__name__}")
    try:
        # A huge exponent is found here, before anything writes it out.
        shortest = Decimal(amount).normalize(_EXACT)
        digits = -int(shortest.as_tuple().exponent)
    except (Inexact, InvalidOperation, ValueError, OverflowError):
        raise ValueError("money has at most 10 digits and 9 decimals") from None
    if not 0 <= shortest <= GREATEST or digits > 9:
        raise ValueError(f"money is 0 to {GREATEST}, with at most 9 decimals")
    return shortest


def money(amount: Amount) -> bytes:
    """An amount of money, without exponent and sign."""
    return format(abs(exact(amount)), "f").encode()
