"""The task tree of a trio run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import trio


def dump_tasks(root: trio.lowlevel.Task | None) -> Sequence[str]:
    """Return a line for each task, from the root task down the nurseries."""
    try:
        return [_describe(task, depth) for depth, task in _walk(root)]
    except Exception as exc:  # noqa: BLE001 - a dump of a broken run must not break it further
        return [f"(the task tree cannot be read: {exc!r})"]


def _walk(task: trio.lowlevel.Task | None, depth: int = 0) -> Iterator[tuple[int, trio.lowlevel.Task]]:
    if task is None:
        return
    yield depth, task
    for nursery in tuple(task.child_nurseries):
        for child in tuple(nursery.child_tasks):
            yield from _walk(child, depth + 1)


def _describe(task: trio.lowlevel.Task, depth: int) -> str:
    inside = Path(trio.__file__).parent
    places: list[str] = []
    for frame in _frames(task.coro):
        if inside in Path(frame.f_code.co_filename).parents:
            # The first call into trio says what the task waits for; what lies below says only how.
            places.append(frame.f_code.co_qualname)
            break
        places.append(f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})")
    return f"{'  ' * depth}{task.name}: {' in '.join(reversed(places[-2:])) or 'finished'}"


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Yield the frames of a chain of awaits, outermost first."""
    while awaited is not None:
        for kind, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if hasattr(awaited, following):
                frame = getattr(awaited, f"{kind}_frame")
                awaited = getattr(awaited, following)
                break
        else:
            return
        if frame is not None:
            yield frame
