"""Turns that a task gives to the others, and the outcome of a call that may fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import ErrorKind, Runtime

TURNS = 20
"""Enough for every wake-up under way to arrive: on a loop it takes three at most."""
FEW_TURNS = 4
"""Enough for one wake-up, where a question has hundreds of cases: on a busy machine a turn of a thread takes ms."""
RETURNS = "returns"


async def give_turns(runtime: Runtime, turns: int = TURNS) -> None:
    """Let the other ready tasks run, several times."""
    for _ in range(turns):
        await runtime.checkpoint()


async def attempt(runtime: Runtime, call: Callable[..., Awaitable[object]], *args: object) -> str:
    """Make a call and return its outcome: `returns`, a kind of error, or `raises NAME` for an error of no kind."""
    try:
        await call(*args)
    except Exception as exc:
        if runtime.is_cancelled(exc):
            raise
        kind = runtime.classify(exc)
        return f"raises {type(exc).__name__}" if kind is ErrorKind.OTHER else kind.value
    return RETURNS
