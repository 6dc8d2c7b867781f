"""Task groups on `asyncio.gather`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from .structure import AsyncioCancelScope


class GatherGroup:
    """Tasks that are gathered at the end of the block.

    As with `gather`, the first error leaves the block at once and the siblings run on: they *outlive the block*, and
    their own errors are dropped. Tasks still left when the run ends are cancelled by `asyncio.Runner`.

    A body is nothing that `gather` knows. If it fails or is cancelled, its tasks are cancelled and joined, because
    no call would gather them.
    """

    __slots__ = ("_scope", "_tasks")

    def __init__(self) -> None:
        self._scope = AsyncioCancelScope(None)
        self._tasks: list[asyncio.Task[Any]] = []

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """`asyncio.create_task(fn(*args))`."""
        self._tasks.append(asyncio.create_task(fn(*args), name=name))  # type: ignore[arg-type]  # as in TaskGroup

    async def cancel(self) -> None:
        """Cancel the parent; its `gather` cancels the tasks."""
        await self._scope.cancel()

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        try:
            await (self._gather() if exc is None else self._end_all())
        except BaseException as raised:
            if await self._scope.__aexit__(type(raised), raised, raised.__traceback__):
                return True
            raise
        return await self._scope.__aexit__(exc_type, exc, tb)

    async def _gather(self) -> None:
        try:
            while self._tasks:  # also those that the gathered ones have spawned
                await asyncio.gather(*self._take())
        except asyncio.CancelledError:
            # Its own children `gather` has cancelled and joined. A child that was cancelled alone looks the same here,
            # but the parent was not cancelled; then the siblings run on, as behind an error.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                await self._end_all()
            raise

    async def _end_all(self) -> None:
        while tasks := self._take():
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self) -> list[asyncio.Task[Any]]:
        tasks, self._tasks = self._tasks, []
        return tasks
