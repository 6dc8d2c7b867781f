"""Look at a process that hangs before it is killed, and say what kind of hang it is.

Facts first: tasks from the runtime itself, threads, descriptors and children from the kernel. The diagnosis follows
from them by rules that can be read in `diagnose`; where they do not decide it is `unknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Autopsy
from harness.wire import TASKS_BEGIN, TASKS_END

from . import procfs

_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a diagnosis is made of."""

    is_busy: bool
    """Whether it took CPU time over a quarter of a second."""
    has_answered: bool
    """Whether its interpreter ran the handler that writes the tasks."""
    descriptors: Sequence[procfs.Descriptor]
    children: Sequence[str]
    innermost: str
    """Innermost frame of the thread that ran or of the main thread."""


def examine(pid: int, stacks: str, *, is_busy: bool) -> Autopsy:
    """Return the autopsy of a live process.

    Args:
        pid: of the role's process.
        stacks: what it wrote when it was asked for its stacks and its tasks.
        is_busy: whether it takes CPU time.
    """
    tasks = tasks_of(stacks)
    facts = Facts(
        is_busy=is_busy,
        has_answered=has_tasks(stacks),
        descriptors=procfs.read_descriptors(pid),
        children=procfs.read_children(pid),
        innermost=innermost_frame(stacks),
    )
    diagnosis, reasons = diagnose(facts)
    return Autopsy(
        diagnosis=diagnosis,
        reasons=tuple(reasons),
        tasks=tasks[:_SHOWN],
        descriptors=tuple(str(descriptor) for descriptor in facts.descriptors)[:_SHOWN],
        threads=procfs.read_threads(pid)[:_SHOWN],
        children=tuple(facts.children)[:_SHOWN],
    )


def diagnose(facts: Facts) -> tuple[str, list[str]]:
    """Return what kind of hang it is, and why."""
    frame = [f"innermost frame: {facts.innermost}"] if facts.innermost else []
    if facts.is_busy and not facts.has_answered:
        return "blocked scheduler", ["it takes CPU time, and one call lets nothing else run", *frame]
    if facts.is_busy:
        return "livelock", ["it takes CPU time and runs its handlers, and makes no progress", *frame]
    ready = [descriptor for descriptor in facts.descriptors if descriptor.is_ready]
    if ready:
        return "lost wake-up", ["it is idle although something is there", *map(str, ready)]
    if facts.children:
        return "waiting for a child", ["it is idle, and these processes of it live", *facts.children]
    return "unknown", ["it is idle, and none of its descriptors has anything to read", *frame]


def has_tasks(stacks: str) -> bool:
    """Return whether the worker has written its tasks, all of them."""
    return TASKS_END in stacks


def tasks_of(stacks: str) -> tuple[str, ...]:
    """Return the lines that the worker wrote of its tasks."""
    _, begin, rest = stacks.partition(TASKS_BEGIN)
    return tuple(rest.partition(TASKS_END)[0].splitlines()) if begin else ()


def innermost_frame(stacks: str) -> str:
    """Return the first frame that faulthandler wrote of the current thread, as `file:line in function`."""
    _, _, rest = stacks.partition("Current thread")
    for line in (rest or stacks).splitlines():
        if line.lstrip().startswith("File "):
            return line.strip().removeprefix("File ").replace('"', "")
    return ""
