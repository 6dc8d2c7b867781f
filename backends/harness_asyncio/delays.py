"""Extra turns before steps of tasks, from a seed: on any loop, with its real clock and its descriptors.

A task that was woken waits a few turns before it resumes, as if another one had been there first. This widens the
window between "woken" and "runs", and needs no access to the loop's queue.
"""

from __future__ import annotations

import asyncio
import asyncio.taskgroups
import inspect
import random
from collections.abc import Coroutine
from contextlib import ExitStack
from itertools import count
from typing import Any

from harness.explore.ordered import ordered_sets

from .turns import Delayed

_FEW, _MANY = 3, 8
_SHARES = (0.3, 0.1)
"""Of the steps that are delayed: by few turns for odd seeds, by many for even ones."""


class _Delays:
    """The delays of one task: they do not depend on the steps of others, so that a seed replays."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"delays/{seed}/{number}")  # noqa: S311 - an order, not a secret
        self._most = _FEW if seed % 2 else _MANY
        self._share = _SHARES[0] if seed % 2 else _SHARES[1]

    def delay(self) -> int:
        """Return the turns that the next step waits."""
        return self._random.randint(1, self._most) if self._random.random() < self._share else 0


class _NoDelays:
    def delay(self) -> int:
        """Return 0."""
        return 0


class DelayingTasks:
    """A task factory for loops, whose tasks take extra turns.

    Args:
        seed: of the delays; 0 for none.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = count()

    def __call__(self, loop: Any, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        """Make a task; awaitables of another kind than a coroutine are left as they are."""
        delays = _Delays(self._seed, next(self._numbers)) if self._seed else _NoDelays()
        wrapped = Delayed(coro, delays) if inspect.iscoroutine(coro) else coro
        return asyncio.Task(wrapped, loop=loop, **options)


class Ordered:
    """Sets of tasks in order of insertion, while tasks take extra turns."""

    def __init__(self) -> None:
        self._changed: ExitStack | None = None

    def switch(self, *, on: bool) -> None:
        """Change what asyncio's task groups keep their tasks in."""
        if self._changed is not None:
            self._changed.close()
        self._changed = None
        if on:
            self._changed = ExitStack()
            self._changed.enter_context(ordered_sets(asyncio.taskgroups))
