"""Parts shared by questions about failing tasks: a failure that records its report, and a group that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import Event, Runtime, TaskGroup

from .cancel_target import TURNS, PlannedFailureError

Body = Callable[[TaskGroup], Awaitable[None]]


class ToldFailureError(PlannedFailureError):
    """A planned failure that notices when it is reported, because a report needs its text."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.told = False

    def __str__(self) -> str:
        """Return the text, and remember that it was asked for."""
        self.told = True
        return f"planned failure of {self.name}"


async def leave_block(block: Callable[[], Awaitable[None]]) -> BaseException | None:
    """Run a block and return the planned failure, or the group of them, that leaves it."""
    try:
        await block()
    except PlannedFailureError as failure:
        return failure
    except BaseExceptionGroup as several:
        _, others = several.split(PlannedFailureError)
        if others is not None:
            raise others from None
        return several
    return None


async def leave_group(runtime: Runtime, body: Body) -> BaseException | None:
    """Run `body(group)` in a task group and return the planned failure, or the group of them, that leaves the block."""

    async def block() -> None:
        async with runtime.open_task_group() as group:
            await body(group)

    return await leave_block(block)


def planned_leaves(raised: BaseException | None) -> list[BaseException]:
    """Return the planned failures in what left a block."""
    if isinstance(raised, BaseExceptionGroup):
        return [leaf for inner in raised.exceptions for leaf in planned_leaves(inner)]
    return [] if raised is None else [raised]


async def take_turns(runtime: Runtime) -> None:
    """Let all tasks run until the consequences of earlier events have taken place."""
    for _ in range(TURNS):
        await runtime.checkpoint()


async def wait_a_while(runtime: Runtime, event: Event) -> None:
    """Wait for what happens soon, if it happens at all."""
    async with runtime.move_on_after(_PATIENCE):
        await event.wait()


_PATIENCE = 0.2
"""How long to wait for what may not come. What comes takes a loop some turns, and threads less than a millisecond."""
