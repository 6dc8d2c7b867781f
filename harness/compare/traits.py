"""Traits of a cell, each with the facts that tell its cause. Findings and drop-in verdicts are grouped by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.api import RAISED, Harm
from harness.model import Basis, ErrorReport, Outcome

from .rows import CellFacts, Row
from .values import outcome_text

ENDING_OF_CELL, UNHANDLED, LEFT = "end of the cell", "unhandled exceptions", "left behind"
"""Parts of a cell that are inspected beside its observations."""
NOTHING = "nothing"
_WITHIN = "within its bounds"
_HARM_OF_OUTCOME = {Outcome.HUNG: Harm.HANG, Outcome.TIMED_OUT: Harm.HANG, Outcome.LIMIT: Harm.LEAK}
_ENDS_THE_RUN = ("SystemExit", "KeyboardInterrupt")
"""Exceptions that are no error, but the end of a program."""
_NO_END = "the program does not end"
"""The symptom of an exit or interrupt that is reported like an error."""
_FRAME = re.compile(r'File "([^"]+)", line \d+(?:, in (\S+))?')
_CHANGING = re.compile(r"0x[0-9a-f]+|:\[\d+\]|\b\d+\b")
_OF_SCHEDULER = "a scheduler that has ended keeps its descriptors"
_LEFTOVERS = {"task": "a task is left behind", "thread": "a thread is left behind", "child": "a child process stays"}
_DESCRIPTORS = {
    "socket": "a socket stays open",
    "pipe": "a pipe stays open",
    "anon_inode:[eventpoll]": _OF_SCHEDULER,
    "anon_inode:[eventfd]": _OF_SCHEDULER,
    "anon_inode:[io_uring]": _OF_SCHEDULER,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Origin of a trait. Traits with equal causes have one root cause."""

    basis: Basis
    title: str
    scope: str = ""
    """The scenario, where nothing connects the trait with those of other scenarios."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that a cell shows."""

    key: str
    value: str
    harm: Harm
    breaks: bool
    cause: Cause
    follows_from: str = ""
    """Title of the cause that brings it about where the same backend shows that."""


def list_traits(row: Row, cell: CellFacts) -> Iterator[Trait]:
    """Yield the traits of a cell: its outcome, its leftovers, exceptions without a receiver, and its judged values."""
    ended_by = _find_ending(cell)
    for trait in (*_ending_traits(row, cell), *_unhandled_traits(cell), *_left_traits(cell), *_value_traits(row, cell)):
        is_symptom = ended_by is not None and trait.harm is not Harm.LEAK
        yield Trait(trait.key, trait.value, trait.harm, trait.breaks, ended_by) if is_symptom and ended_by else trait


def describe_error(error: ErrorReport) -> str:
    """Return an exception as class and errno: `ConnectionResetError(104)`."""
    found = re.match(r"\[Errno (-?\d+)\]", error.message)
    return f"{error.type.rpartition('.')[2]}({found[1] if found else ''})"


# --- how the cell ended ---


def _ending_traits(row: Row, cell: CellFacts) -> Iterator[Trait]:
    if not cell.ran or cell.outcome is Outcome.COMPLETED:
        return
    role = next((role for role in cell.roles if role.outcome is cell.outcome), None)
    harm = _HARM_OF_OUTCOME.get(cell.outcome, Harm.CRASH)
    if role is not None and role.error is not None:
        text = f"raises {describe_error(role.error)}"
        yield Trait(ENDING_OF_CELL, text, harm, True, _cause_of_error(role.error, cell, row.id.scenario))
    elif harm is Harm.HANG:
        yield Trait(ENDING_OF_CELL, "hangs", harm, True, _cause_of_wait(row, cell))
    else:
        cause = Cause(Basis.ANSWER, f"{cell.outcome}: {_steady(cell.result.reason)}", row.id.scenario)
        yield Trait(ENDING_OF_CELL, str(cell.outcome), harm, True, cause)


def _find_ending(cell: CellFacts) -> Cause | None:
    """Return the cause of everything that a cell shows where the runtime reported an exit instead of ending with it."""
    errors = (unhandled.error for role in cell.roles for unhandled in role.unhandled if unhandled.error)
    if any(error.type in _ENDS_THE_RUN for error in errors):
        return Cause(Basis.ANSWER, _NO_END)
    return None


def _unhandled_traits(cell: CellFacts) -> Iterator[Trait]:
    for role in cell.roles:
        for unhandled in role.unhandled:
            if unhandled.error is not None:
                cause = _cause_of_error(unhandled.error, cell, cell.cell.scenario)
                yield Trait(UNHANDLED, describe_error(unhandled.error), Harm.ERROR, True, cause)


def _cause_of_error(error: ErrorReport, cell: CellFacts, scenario: str) -> Cause:
    name = describe_error(error)
    frame = _frame_within(_package_of(cell), error.traceback)
    if frame:
        return Cause(Basis.EXCEPTION, f"{name} in {frame}")
    return Cause(Basis.EXCEPTION, f"{name}: {_steady(error.message)}".rstrip(": "), scenario)


def _package_of(cell: CellFacts) -> str:
    """Return the package that the scheduler of a cell comes from."""
    schedulers = (role.attestation.scheduler for role in cell.roles if role.attestation)
    return next(schedulers, "").partition(".")[0]


def _frame_within(package: str, traceback: str) -> str:
    """Return the innermost frame in a package as `rloop/server.py start`; nothing where no frame is in it."""
    found = ""
    for path, function in _FRAME.findall(traceback):
        start = re.search(rf"(?:^|/)({re.escape(package)}(?:/|\.)[^/].*)", path) if package else None
        if start:
            found = f"{start[1]} {function}".strip()
    return found


# --- waits that never end ---


def _cause_of_wait(row: Row, cell: CellFacts) -> Cause:
    if trigger := _find_trigger(cell):
        return Cause(Basis.WAIT, f"a wait goes on after: {trigger}")
    autopsies = [role.autopsy for role in cell.roles if role.autopsy is not None]
    for autopsy in autopsies:
        waits = " ".join(_steady(wait).split(" since ")[0] for wait in autopsy.waits[:1])
        return Cause(Basis.WAIT, f"{autopsy.diagnosis}: {waits}".rstrip(": "), row.id.scenario)
    return Cause(Basis.WAIT, "a wait never ends", row.id.scenario)


def _find_trigger(cell: CellFacts) -> str:
    """Return the last step of another actor than the one that is stuck: what should have ended the wait."""
    if not cell.steps:
        return ""
    stuck = cell.steps[-1].actor
    others = [step for step in cell.steps if step.actor != stuck]
    if cell.steps[-1].actor == "peer" or not others:  # nothing was called after it
        last = cell.steps[-1]
        return f"{last.actor} {last.what}" if len({step.actor for step in cell.steps}) > 1 else ""
    return f"{others[-1].actor} {others[-1].what}"


# --- what stays behind ---


def _left_traits(cell: CellFacts) -> Iterator[Trait]:
    titles = {_name_leftover(line) for role in cell.roles for line in role.leaks}
    titles |= {"a process outlives the cell" for role in cell.roles if role.escaped or role.survivors}
    for title in sorted(titles):
        yield Trait(LEFT, title, Harm.LEAK, True, Cause(Basis.LEFTOVER, title))


def _name_leftover(line: str) -> str:
    kind, _, rest = line.partition(" ")
    if kind != "fd":
        return _LEFTOVERS.get(kind, _steady(line))
    target = rest.partition(" ")[2]
    return _DESCRIPTORS.get(target) or _DESCRIPTORS.get(target.partition(":")[0], "a descriptor stays open")


# --- judged values ---


def _value_traits(row: Row, cell: CellFacts) -> Iterator[Trait]:
    for key, judge in row.card.judges.items():
        if key == RAISED or judge.is_measured or judge.is_trace or not (judge.is_graded or judge.is_owed):
            continue
        for value in cell.values(key):
            breach = judge.breaks(value)
            shown = outcome_text(value) if judge.is_graded or not judge.is_numeric else breach or _WITHIN
            harm, symptom = judge.harm_of(value), judge.symptom_of(value)
            if symptom:
                basis = Basis.LEFTOVER if harm is Harm.LEAK else Basis.ANSWER
                cause = Cause(basis, symptom)
            elif harm is Harm.HANG:
                cause = _cause_of_wait(row, cell)
            else:
                reason = judge.reason_of(value) if breach else ""
                title = f"{key} {breach}" if judge.is_numeric and breach else reason or shown
                cause = Cause(Basis.ANSWER, title, row.id.scenario)
            yield Trait(key, shown, harm, breach is not None, cause, judge.follows_from(value))


def list_raised(cell: CellFacts) -> tuple[str, ...]:
    """Return the exceptions that the calls of a cell raised, as class and errno, each once."""
    return tuple(dict.fromkeys(str(value) for value in cell.values(RAISED)))


def _steady(text: str) -> str:
    """Return a text without what differs from run to run: addresses, inode and other numbers."""
    return _CHANGING.sub("…", text).partition("\n")[0][:120]
