"""Look at a process that hangs before it is killed, and diagnose the kind of hang.

Facts first: tasks from the process itself, threads, descriptors and children from the kernel. The diagnosis follows
from them by the rules in `diagnosis`; where they do not decide it is `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from harness.execute import procfs
from harness.model import Autopsy, Observed, Step
from harness.wire import INSPECTION

from .diagnosis import Facts, diagnose
from .testimony import read_inspection
from .waits import describe_last_seen, describe_tasks, describe_waits

_SHOWN = 40
IDLE_SHARE = 0.05
"""Of a CPU. A spinning thread gets little of a crowded machine, a waiting one gets nothing anywhere."""


def examine(
    pid: int,
    stacks: str,
    *,
    cpu: Mapping[int, float] = MappingProxyType({}),
    wakes: int = 0,
    has_started: bool = True,
    tasks_are_threads: bool = False,
    last_messages: Iterable[Observed | Step] = (),
) -> Autopsy:
    """Return the autopsy of a live process.

    Args:
        pid: of the role's process.
        stacks: the stacks and tasks that the process wrote on request.
        cpu: which share of a CPU each of its threads takes.
        wakes: how often its main thread went to wait meanwhile.
        has_started: whether its runtime runs.
        tasks_are_threads: whether the tasks of its runtime are.
        last_messages: the last one of each of its actors.
    """
    facts = Facts(
        pid=pid,
        busy=tuple(thread for thread, share in cpu.items() if share > IDLE_SHARE),
        inspection=read_inspection(stacks),
        descriptors=procfs.read_descriptors(pid),
        children=procfs.read_children(pid),
        zombies=procfs.read_zombies(pid),
        pipes=procfs.read_held_pipes(pid),
        frames=innermost_frames(stacks),
        has_started=has_started,
        wakes=wakes,
        tasks_are_threads=tasks_are_threads,
    )
    diagnosis, reasons = diagnose(facts)
    last_seen = describe_last_seen(last_messages)
    return Autopsy(
        diagnosis=diagnosis,
        reasons=tuple(reasons),
        tasks=tuple(describe_tasks(facts.inspection)[:_SHOWN]) if facts.inspection else (),
        descriptors=(*map(str, facts.descriptors), *facts.pipes)[:_SHOWN],
        threads=procfs.read_threads(pid)[:_SHOWN],
        children=(*facts.children, *(f"{zombie}, ended and not waited for" for zombie in facts.zombies))[:_SHOWN],
        waits=tuple(describe_waits(facts.inspection, last_seen)[:_SHOWN]) if facts.inspection else (),
        last_seen=last_seen[-_SHOWN:],
    )


def innermost_frames(stacks: str) -> tuple[str, ...]:
    """Return the first frame that faulthandler wrote of each thread, as `file:line in function`; the current first."""
    found: list[str] = []
    written, _, _ = stacks.partition(INSPECTION)
    for part in written.split("(most recent call first):")[1:]:
        frames = [line.strip() for line in part.splitlines() if line.lstrip().startswith("File ")]
        found += [frames[0].removeprefix("File ").replace('"', "")] if frames else [""]
    threads = [line for line in written.splitlines() if line.endswith("(most recent call first):")]
    current = next((at for at, line in enumerate(threads) if line.startswith("Current")), 0)
    return (*found[current : current + 1], *found[:current], *found[current + 1 :])
