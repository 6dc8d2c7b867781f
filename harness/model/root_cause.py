"""Root causes shared by several findings, and the page on whether a backend replaces another one."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.api import Harm

from .candidate import CheckResult
from .cell import RowId


class Basis(StrEnum):
    """The facts that two rows with one root cause have in common."""

    EXCEPTION = "exception"
    """The exception and its innermost frame in the runtime's own package."""
    WAIT = "wait"
    """The event that should have ended the endless wait, or the diagnosis of its autopsy."""
    LEFTOVER = "left behind"
    """The kind of thing that stays behind."""
    ANSWER = "answer"
    """The symptom that the scenarios name, or one answer of one question."""
    CAPABILITY = "missing capability"
    """The operation that the backend lacks."""


class RootCause(msgspec.Struct, frozen=True, kw_only=True):
    """What several findings have in common."""

    title: str
    """The behaviour on one line, without names of backends."""
    harm: Harm
    """The worst that any of its rows costs a program."""
    basis: Basis
    """Trait that its rows have in common."""
    backends: tuple[str, ...]
    """Columns that show it."""
    rows: tuple[RowId, ...]
    """Rows that show it, the worst first."""
    symptoms: tuple[str, ...] = ()
    """Titles of what follows from it, in some of its rows."""
    dependent: tuple[RowId, ...] = ()
    """Rows that break as well and have a row of the cause as a prerequisite; they are none of `rows`."""
    findings: tuple[int, ...] = ()
    """Places in `Comparison.findings`, or in `DropIn.differences`."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A behaviour in which a candidate differs from its baseline."""

    row: RowId
    """Where it was seen."""
    backend: str
    """Column of the candidate, with the idiom."""
    baseline: str
    """Column of the baseline with the same idiom."""
    key: str
    """Observation key, or the inspected part of the cell."""
    expected: tuple[str, ...]
    """Behaviour of the baseline."""
    seen: tuple[str, ...]
    """Behaviour of the candidate that the baseline does not show."""
    harm: Harm
    """Harm to a program that was written for the baseline."""
    question: str = ""
    """The question of the scenario."""
    is_breach: bool = False
    """Whether it breaks the contract of the scenario too; otherwise the contract leaves it open."""
    raised: tuple[str, ...] = ()
    """Exceptions that the candidate raises there, as class and errno."""
    first_step: str = ""
    """The first step that differs."""
    command: str = ""
    """Shell command that shows it again."""
    cell: str = ""
    """Id of a cell that shows it, for `harness issue`."""
    has_script: bool = False
    """Whether the scenario brings a standalone script for it, for `harness script`."""


class DropIn(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a candidate replaces its baseline."""

    candidate: str
    """Its backend spec."""
    baseline: str
    """The backend spec that it shall replace."""
    checks: tuple[CheckResult, ...] = ()
    """Checks made before the run."""
    differences: tuple[Difference, ...] = ()
    """The behaviours that differ, the worst first."""
    causes: tuple[RootCause, ...] = ()
    """Causes that the differences share, the worst first. The places in `findings` are those of `differences`."""
    better: tuple[Difference, ...] = ()
    """Where the baseline breaks the contract and the candidate keeps it: `expected` and `seen` as above."""
    compared: int = 0
    """How many pairs of a row and an idiom were compared."""
    unsteady: int = 0
    """How many pairs differed once and not again."""
    not_compared: tuple[str, ...] = ()
    """Why pairs were not compared, each reason once with a count."""

    @property
    def is_drop_in(self) -> bool:
        """Whether nothing differs and no capability is missing."""
        return not self.differences and not any(check.gap for check in self.checks)
