"""The end of tasks that would go on for ever."""

from __future__ import annotations

import asyncio
from typing import Any

_AGAIN = 0.5  # seconds


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks until each has ended.

    Once is not enough: before Python 3.12, asyncio.wait_for() swallows a cancellation that comes
    just when what it waits for is done.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)  # nobody else asks how they ended
