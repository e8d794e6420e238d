"""A model for the example: it streams one word a token, so costs can be counted by hand.

`model-stalls-N` waits for ever after N tokens, `model-fails-N` raises after N.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


class ModelFailed(Exception):
    """The model broke off."""


async def stream(model: str, most_tokens: int) -> AsyncIterator[str]:
    """Answers with as many tokens as it may."""
    _, _, trouble = model.partition("-")
    kind, _, after = trouble.partition("-")
    for number in range(most_tokens):
        if after and number == int(after):
            if kind == "fails":
                raise ModelFailed(f"failed after {after} tokens")
            await asyncio.Event().wait()
        yield f"word{number} "
