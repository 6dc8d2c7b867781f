"""Cancel a call at each of its turns: whether a cancellation loses something depends on its moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from .runtime import CancelScope, Runtime


class CancelTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One call that is cancelled, on objects of its own."""

    call: Callable[[], Awaitable[object]]
    """The call. It is waiting when `meanwhile` is called, unless the cancellation came before."""
    meanwhile: Callable[[], Awaitable[object]]
    """What other code does at the time of the cancellation, such as the release that the call waits for."""
    look: Callable[[], Any]
    """Returns the state after both have ended, such as the number of free connections."""


_TURNS_TO_WAIT = 8
"""After so many turns a task that was started is in its wait, on every runtime."""


async def cancel_at_every_turn(
    runtime: Runtime, prepare: Callable[[], Awaitable[CancelTrial]], *, turns: int = 3
) -> dict[str, Any]:
    """Cancel the call at each turn around what happens meanwhile, and return the state after each trial.

    The keys name the moment: `"cancelled 2 turns before"` to `"cancelled 2 turns after"`. In the turn of the action
    itself both orders are tried: on asyncio `release(); cancel()` may be handled where `cancel(); release()` loses
    something.

    Args:
        runtime: of the scenario; needs `Capability.CANCEL_SCOPE`.
        prepare: makes the objects of one trial.
        turns: how many turns before and after.
    """
    seen: dict[str, Any] = {}
    for turn in range(-turns, turns + 1):
        for is_first in (True, False) if turn == 0 else (turn < 0,):
            trial = await prepare()
            await _cancel_at(runtime, trial, turn, is_first=is_first)
            seen[_name(turn, is_first=is_first)] = trial.look()
    return seen


async def _cancel_at(runtime: Runtime, trial: CancelTrial, turn: int, *, is_first: bool) -> None:
    scopes: list[CancelScope] = []

    async def attempt() -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await trial.call()

    async with runtime.open_task_group() as group:
        await group.spawn(attempt, name="cancelled call")
        for _ in range(_TURNS_TO_WAIT):
            await runtime.checkpoint()
        steps = [scopes[0].cancel, trial.meanwhile] if is_first else [trial.meanwhile, scopes[0].cancel]
        await steps[0]()
        for _ in range(abs(turn)):
            await runtime.checkpoint()
        await steps[1]()


def _name(turn: int, *, is_first: bool) -> str:
    if turn == 0:
        return "cancelled just before" if is_first else "cancelled just after"
    plural = "" if abs(turn) == 1 else "s"
    return f"cancelled {abs(turn)} turn{plural} {'before' if turn < 0 else 'after'}"
