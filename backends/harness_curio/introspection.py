"""The task table of a curio kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import curio


def dump_tasks(kernel: Any) -> Sequence[str]:
    """Return a line for each task in the kernel's task table."""
    try:
        return [_describe(task) for task in tuple(kernel._tasks.values())]  # noqa: SLF001 - there is no public way
    except Exception as exc:  # noqa: BLE001 - a dump of a broken run must not break it further
        return [f"(the task table cannot be read: {exc!r})"]


def running_task(kernel: Any) -> Any:
    """Return the task that runs; nothing between two tasks."""
    # The trap's only free variable is the kernel's running task; asking by trap would need an await.
    trap = kernel._traps["trap_get_current"]  # noqa: SLF001
    return trap.__closure__[0].cell_contents


def _describe(task: Any) -> str:
    inside = Path(curio.__file__).parent
    own = [frame for frame in _frames(task.coro) if inside not in Path(frame.f_code.co_filename).parents]
    where = f" in {own[-1].f_code.co_qualname} ({own[-1].f_code.co_filename}:{own[-1].f_lineno})" if own else ""
    return f"{task.name} (id {task.id}, parent {task.parentid}): {task.state}{where}"


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
