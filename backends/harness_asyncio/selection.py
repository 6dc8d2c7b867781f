"""`first_completed` on `asyncio.wait`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any


async def first_completed(*fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
    """Run the functions until one completes; cancel and join the others.

    Returns:
        `(index, result)` of every function that completed, in order of completion.

    Raises:
        The exception of a function (of several, of the first in order of the arguments), after all have ended.
    """
    completed: list[tuple[int, Any]] = []

    async def run(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        # Recorded by the task itself: neither `wait` nor a done callback knows the order on every loop.
        completed.append((index, await fn()))

    tasks = [asyncio.create_task(run(index, fn)) for index, fn in enumerate(fns)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await _join(tasks)
    for error in [task.exception() for task in tasks if not task.cancelled()]:
        if error is not None:
            raise error
    if not completed:
        raise asyncio.CancelledError  # A function raised it itself.
    return completed


async def _join(tasks: Sequence[asyncio.Task[None]]) -> None:
    # A cancellation that arrives meanwhile must not leave tasks behind, and must not be lost.
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled
