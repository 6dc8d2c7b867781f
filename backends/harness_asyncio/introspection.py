"""Where each task of a loop waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import FrameType
from typing import Any


def dump_tasks(loop: asyncio.AbstractEventLoop) -> Sequence[str]:
    """Return `name: file:line in function` for each live task, for the innermost frame that waits."""
    try:
        tasks = asyncio.all_tasks(loop)
    except RuntimeError as exc:  # The set changed too often while another thread looked.
        return [f"tasks cannot be listed: {exc}"]
    return sorted(f"{task.get_name()}: {_describe(_innermost_frame(task.get_coro()))}" for task in tasks)


def _innermost_frame(awaitable: Any) -> FrameType | None:
    # `Task.get_stack` gives only the outermost frame of a suspended task.
    frame: FrameType | None = None
    while awaitable is not None:
        inner = None
        for prefix, link in (("cr", "await"), ("ag", "await"), ("gi", "yieldfrom")):
            frame = getattr(awaitable, f"{prefix}_frame", None) or frame
            inner = inner or getattr(awaitable, f"{prefix}_{link}", None)
        awaitable = inner
    return frame


def _describe(frame: FrameType | None) -> str:
    if frame is None:
        return "not started or running outside of Python"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
