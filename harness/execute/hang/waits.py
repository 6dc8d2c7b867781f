"""Waits of the tasks, and since when: an interval between facts, as no runtime notes the time.

A wait began before the first look that saw it. It began after the task's last activity: the last step of the actor of
its name, or a look that saw it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model import LastSeen, Observed, Step

from .testimony import Inspection, TaskFacts

_LONGEST = 80


def describe_last_seen(messages: Iterable[Observed | Step]) -> tuple[LastSeen, ...]:
    """Return the last messages of actors, oldest first."""
    seen = (
        LastSeen(actor=message.actor, what=_cut(message.what), at=message.at)
        if isinstance(message, Step)
        else LastSeen(what=_cut(f"{message.key}: {message.value}"), at=message.at)
        for message in messages
    )
    return tuple(sorted(seen, key=lambda one: one.at))


def describe_waits(seen: Inspection, last_seen: Sequence[LastSeen]) -> list[str]:
    """Return a line for each task of the scenario."""
    steps = {one.actor: one for one in last_seen if one.actor}
    names = [task.name for task in seen.own_tasks]
    return [_line(task, steps.get(task.name) if names.count(task.name) == 1 else None) for task in seen.own_tasks]


def describe_tasks(seen: Inspection) -> list[str]:
    """Return a line for each task that is known, the runtime's own as well, indented as its tree is."""
    lines = [f"{'  ' * task.depth}{task}" for task in seen.tasks]
    return [f"({seen.error})", *lines] if seen.error else lines


def _line(task: TaskFacts, step: LastSeen | None) -> str:
    held = ", ".join(lock.label for lock in task.holds)
    parts = [str(task), _since(task, step), _until(task), _on(task), f"holds {held}" if held else ""]
    return ", ".join(part for part in parts if part)


def _since(task: TaskFacts, step: LastSeen | None) -> str:
    if task.seen_at is None:
        return ""
    before = f"before {task.seen_at:.2f} s"
    elsewhere = task.elsewhere_at
    # A step after the wait was seen is that of another task, whatever its actor is called.
    if step is not None and (elsewhere or 0.0) <= step.at <= task.seen_at:
        return f"since after {step.at:.2f} s (its last step: {step.what}) and {before}"
    if elsewhere is not None:
        return f"since after {elsewhere:.2f} s (then it was in another wait) and {before}"
    return f"since {before}"


def _until(task: TaskFacts) -> str:
    if task.overdue is not None:
        return f"its time is in {-task.overdue:.1f} s" if task.overdue < 0 else f"due {task.overdue:.1f} s ago"
    if task.time_left is not None:
        left = task.time_left
        return f"its time-out is in {left:.1f} s" if left > 0 else f"its time-out was {-left:.1f} s ago"
    return ""


def _on(task: TaskFacts) -> str:
    """Name the object of the wait, unless that only repeats its kind."""
    label = task.on.label if task.on is not None else ""
    return f"on {label}" if label and label.lower() not in task.waits_for else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
