"""What kind of hang it is: rules from facts to a name, first that holds. What none of them proves is `unknown`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.api import Resource, Wait
from harness.execute import procfs

from .testimony import Inspection, TaskFacts, ThreadFacts

Diagnosis = tuple[str, list[str]]
"""The name, and the reasons."""

UNKNOWN = "unknown"
_AMONG_TASKS = frozenset(
    {Wait.LOCK, Wait.SEMAPHORE, Wait.CONDITION, Wait.EVENT, Wait.SEND, Wait.RECEIVE, Wait.TASKS},
)
"""Waits that only another task (or a callback) of the process can end."""
_FED_BY_SOCKETS = frozenset({Wait.READ, Wait.ACCEPT, Wait.EVENT, Wait.CONDITION, Wait.SEMAPHORE, Wait.RECEIVE, ""})
"""Waits that a runtime may end when a descriptor is ready, as its own queues and events are fed by callbacks."""
_MAY_BE_A_JOB = ("wait", "get")
"""Functions in which an idle thread of a pool stands, and also one whose job is such a call."""
_SHOWN = 6
_LATE = 0.5
_ENOUGH_SECONDS = 0.2
_ENOUGH_CPU = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts behind a diagnosis."""

    pid: int
    busy: Sequence[int]
    """Threads that take CPU time; the main one has the number of the process."""
    inspection: Inspection | None
    """The process's own report; nothing if its interpreter did not run the handler."""
    descriptors: Sequence[procfs.Descriptor]
    children: Sequence[str]
    """Those that live."""
    zombies: Sequence[str] = ()
    """Children that have ended and were not waited for."""
    pipes: Sequence[str] = ()
    """Pipes of the process that another one holds open too."""
    frames: Sequence[str] = ()
    """Innermost frame of each thread: first that of the one that took the signal, the main one."""
    wakes: int = 0
    """How often the main thread went to wait in a quarter of a second in which it was asked nothing."""
    has_started: bool = True
    """Whether the runtime runs; until then it is imported."""
    tasks_are_threads: bool = False


def diagnose(facts: Facts) -> Diagnosis:
    """Return what kind of hang it is, and why."""
    if facts.inspection is None:
        return _of_the_silent(facts)
    for rule in (_cycle, _ended_scheduler, _held_scheduler, _livelock, _lost_wake_up, _ended_job, _child, _deadlock):
        found = rule(facts, facts.inspection)
        if found is not None:
            return found
    return UNKNOWN, _what_is_seen(facts, facts.inspection)


def _of_the_silent(facts: Facts) -> Diagnosis:
    """Judge a process whose interpreter runs nothing of ours: only the kernel's facts and the stacks are there."""
    if not facts.has_started:
        return UNKNOWN, ["the scenario has not started"]
    main, *others = facts.frames or ("",)
    frame = [f"innermost frame: {main}"] if main else []
    if facts.pid in facts.busy and not facts.tasks_are_threads:
        return "blocked scheduler", ["it takes CPU time, and one call keeps the interpreter", *frame]
    if facts.busy and (others or not facts.tasks_are_threads):
        thread = "the main thread" if facts.pid in facts.busy else f"thread {', '.join(map(str, facts.busy))}"
        seen = [f"{'main' if at == 0 else 'other'} thread: {line}" for at, line in enumerate(facts.frames)]
        return "starvation", [f"{thread} takes CPU time and keeps the interpreter from the others", *seen[:_SHOWN]]
    state = "it takes CPU time" if facts.busy else "it is idle"
    return UNKNOWN, [f"{state}, and its interpreter does not answer", *frame]


# --- proven by locks and their holders ---
def _cycle(_facts: Facts, seen: Inspection) -> Diagnosis | None:
    cycle = find_cycle(seen.tasks)
    if not cycle:
        return None
    lines = []
    for at, task in enumerate(cycle):
        before, behind = cycle[at - 1], cycle[(at + 1) % len(cycle)]
        held, wanted = _name_of(task, before.on), _name_of(behind, task.on)
        lines.append(f"{task.name} holds {held} and waits for {wanted} in {task.place}")
    return ("self-deadlock" if len(cycle) == 1 else "lock-order cycle"), lines


def find_cycle(tasks: Sequence[TaskFacts]) -> list[TaskFacts]:
    """Return tasks of which each waits for a lock that the next one holds, the last for one of the first's."""
    holders = {lock.id: task for task in tasks for lock in task.holds}
    for start in tasks:
        way: list[TaskFacts] = []
        task: TaskFacts | None = start
        while task is not None and task not in way:
            way.append(task)
            task = holders.get(task.on.id) if task.waits_for == Wait.LOCK and task.on is not None else None
        if task is start:
            return way
    return []


def _name_of(holder: TaskFacts, lock: Resource | None) -> str:
    key = lock.id if lock is not None else None
    return next((held.label for held in holder.holds if held.id == key), "a lock")


# --- a thread and a scheduler ---
def _ended_scheduler(facts: Facts, seen: Inspection) -> Diagnosis | None:
    waiting = [thread for thread in seen.threads if thread.waits_for_ended]
    if facts.busy or not waiting:
        return None
    shown = "a scheduler that has ended makes no call any more"
    return "ended scheduler", [shown, *(f"thread {t.name} waits for it in {t.place}" for t in waiting[:_SHOWN])]


# --- the scheduler does not turn, or turns and gets nowhere ---
def _held_scheduler(facts: Facts, seen: Inspection) -> Diagnosis | None:
    running = seen.running
    if running is None or seen.turns or seen.seconds < _ENOUGH_SECONDS:
        return None
    is_busy = facts.pid in facts.busy
    if is_busy and seen.cpu < _ENOUGH_CPU:
        return None  # others had the CPU, so that a standstill proves nothing
    where = [f"the scheduler is in {running.place}", *_below(running.place, running.innermost)]
    others = seen.own_tasks
    if is_busy and seen.calls and others:
        places = ", ".join(list(seen.calls)[:_SHOWN])
        return "starvation", [
            f"a task awaits again and again and never gives way: {places}",
            *where,
            *(f"never runs: {task}" for task in others[:_SHOWN]),
        ]
    doing = "takes CPU time" if is_busy else "waits"
    return "blocked scheduler", [f"one call {doing} and lets no other task run", *where]


def _below(place: str, innermost: str) -> list[str]:
    return [] if innermost == place else [f"innermost frame: {innermost}"]


def _livelock(facts: Facts, seen: Inspection) -> Diagnosis | None:
    if seen.tasks_are_threads:
        busy = [thread for thread in seen.threads if thread.native in facts.busy]
        if not busy:
            return None
        return "livelock", ["threads take CPU time and make no progress", *(f"{t.name} in {t.place}" for t in busy)]
    if facts.pid not in facts.busy or not seen.turns:
        return None
    turns = [f"{count} turns in {place}" for place, count in list(seen.turns.items())[:_SHOWN]]
    return "livelock", [f"tasks run in turn and make no progress, within {seen.seconds:.1f} s:", *turns]


# --- idle ---
def _lost_wake_up(facts: Facts, seen: Inspection) -> Diagnosis | None:
    if facts.busy:
        return None
    late = [task for task in seen.tasks if (task.overdue or 0.0) > _LATE]
    if late:
        return "lost wake-up", [f"{task}, and its time was over {task.overdue:.1f} s ago" for task in late[:_SHOWN]]
    ready = [descriptor for descriptor in facts.descriptors if descriptor.is_ready]
    waiting = [task for task in seen.own_tasks if task.waits_for in _FED_BY_SOCKETS]
    if ready and waiting:
        return "lost wake-up", ["it is idle although something is there", *map(str, ready), *map(str, waiting[:_SHOWN])]
    return None


def _ended_job(facts: Facts, seen: Inspection) -> Diagnosis | None:
    """A task waits for a job, and no thread has one: the job has ended, and the wake-up of its caller was lost."""
    waiting = [task for task in seen.own_tasks if task.waits_for == Wait.THREAD]
    if facts.busy or not waiting or any(_may_have_a_job(thread) for thread in _other_threads(facts, seen)):
        return None
    return "lost wake-up", ["a task waits for a job that has ended: no thread has one", *map(str, waiting[:_SHOWN])]


def _may_have_a_job(thread: ThreadFacts) -> bool:
    return not thread.is_idle or thread.place.rpartition(" in ")[2].rpartition(".")[2] in _MAY_BE_A_JOB


def _child(facts: Facts, seen: Inspection) -> Diagnosis | None:
    waiting = [task for task in seen.tasks if task.waits_for == Wait.CHILD]
    reasons = [f"child {child} lives" for child in facts.children]
    if not facts.children:  # the end of the child is known, or could be: the wait is for a pipe
        reasons = [f"no child lives, and a pipe is not at its end: {pipe}" for pipe in facts.pipes]
        reasons += [f"child {zombie} has ended and was not waited for" for zombie in facts.zombies]
    if facts.busy or not waiting or not reasons:
        return None
    return "waiting for a child", [*map(str, waiting[:_SHOWN]), *reasons]


def _deadlock(facts: Facts, seen: Inspection) -> Diagnosis | None:
    tasks = seen.own_tasks
    if facts.busy or seen.turns or seen.running or not tasks or seen.timers or facts.children:
        return None
    if facts.wakes:
        return None  # something wakes the scheduler, and may wake a task
    if any(task.waits_for not in _AMONG_TASKS for task in tasks) or _is_anybody_outside(facts, seen):
        return None
    shown = "no task runs, each waits for what only another one can give, and there is no timer, connection, child or"
    return "deadlock", [f"{shown} thread that could wake one", *map(str, tasks[:_SHOWN])]


def _is_anybody_outside(facts: Facts, seen: Inspection) -> bool:
    """Return whether something beside the tasks could wake one: a thread with a job, a connection."""
    threads = [thread for thread in _other_threads(facts, seen) if not thread.is_idle]
    return bool(threads) or any(descriptor.state for descriptor in facts.descriptors)


def _other_threads(facts: Facts, seen: Inspection) -> list[ThreadFacts]:
    """Return the threads that are neither the main one nor tasks."""
    names = {task.name for task in seen.tasks} if seen.tasks_are_threads else set()
    return [thread for thread in seen.threads if thread.native != facts.pid and thread.name not in names]


def _what_is_seen(facts: Facts, seen: Inspection) -> list[str]:
    state = "it takes CPU time" if facts.busy else "it is idle"
    ready = [str(descriptor) for descriptor in facts.descriptors if descriptor.is_ready]
    lines = [f"{state}, and nothing that is known proves a cause", *ready]
    if seen.turns:
        lines.append(f"tasks ran {sum(seen.turns.values())} times within {seen.seconds:.1f} s")
    if facts.wakes and not facts.busy:
        lines.append(f"its main thread woke {facts.wakes} times within a quarter of a second, and no task ran")
    busy = [f"thread {t.name} takes CPU time in {t.place}" for t in seen.threads if t.native in facts.busy]
    return [*lines, *busy[:_SHOWN], *map(str, seen.own_tasks[:_SHOWN])]
