"""A stored run as a timeline: each event with its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import assert_never

from harness.model import (
    CellFinished,
    CellObserved,
    CellProgressed,
    CellRetried,
    CellStarted,
    HelperContinued,
    Observation,
    RunCalibrated,
    RunEvent,
    RunExtended,
    RunFinished,
    RunResumed,
    RunStarted,
    Step,
    UsageError,
    format_value,
)

from .attempts import describe_continued
from .plain import printable

_MOST_SECONDS = 1e9


def render_timeline(events: Iterable[RunEvent], cell: str | None = None) -> Iterator[str]:
    """Yield a line for each event: seconds of the run, UTC, and what happened.

    Args:
        events: of a journal.
        cell: a part of an id, to leave out the events of other cells.

    Raises:
        UsageError: the events have no times.
    """
    for event in events:
        if event.when is None:
            raise UsageError("cannot show a timeline: the journal has no times; harness 0.1 stored none")
        if cell is None or cell in cell_of(event):
            yield printable(f"{_seconds(event.when.elapsed)} s  {_clock(event.when.wall)}  {describe_event(event)}")


def _seconds(elapsed: float) -> str:
    return f"{elapsed:9.3f}" if abs(elapsed) < _MOST_SECONDS else f"{elapsed:9.3g}"


def _clock(wall: float) -> str:
    try:
        return datetime.fromtimestamp(wall, UTC).strftime("%H:%M:%S.%f")[:-3]
    except (OverflowError, ValueError, OSError):  # of a journal that was written by another program
        return "(no time)   "


def cell_of(event: RunEvent) -> str:
    """Return the id of the cell that an event is about; empty for one about the run."""
    match event:
        case CellStarted() | CellObserved() | CellProgressed():
            return event.cell_id
        case CellFinished() | CellRetried():
            return event.result.cell_id
        case _:
            return ""


def describe_event(event: RunEvent) -> str:
    """Return an event as text."""
    match event:
        case RunStarted():
            return f"run {event.run_id} starts: {len(event.plan.cells)} cells"
        case RunResumed():
            return f"run resumes: {event.cells} cells left"
        case RunExtended():
            return f"{len(event.cells)} more cells planned"
        case RunCalibrated():
            return f"amount of work chosen for {len(event.rows)} rows"
        case CellStarted():
            pids = ", ".join(f"{role} {pid}" for role, pid in event.pids.items())
            return f"{event.cell_id} starts (pids: {pids})"
        case CellObserved():
            return f"{event.cell_id} {_describe_observation(event.observation)}"
        case CellProgressed():
            return f"{event.cell_id} progresses: {event.progress}"
        case HelperContinued():
            return describe_continued(event)
        case CellRetried():
            why = "to be confirmed" if event.confirms else "retried"
            return f"{event.result.cell_id} attempt {event.attempt}: {_end(event)}; {why}"
        case CellFinished():
            return f"{event.result.cell_id} {_end(event)}"
        case RunFinished():
            return f"run ends{', interrupted' if event.interrupted else ''}: {event.cells} results"
    assert_never(event)


def _describe_observation(observation: Observation) -> str:
    if isinstance(observation, Step):
        return f"{observation.role}/{observation.actor}: {observation.what}"
    value = observation.value
    text = format_value(value) if value is None or isinstance(value, (bool, int, float, str)) else str(value)
    return f"{observation.role}: {observation.key} = {text}"


def _end(event: CellFinished | CellRetried) -> str:
    reason = f": {event.result.reason}" if event.result.reason else ""
    return f"{event.result.outcome}{reason}"
