"""A run: its events, and the run as it is read back from them."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.api import Judge

from .cell import Cell, Plan, Request, SkippedCell
from .expectation import Expectation
from .outcome import FORMAT, CellResult, Observation
from .work import RowWork


class ScenarioCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison and a report need to know of a scenario.

    Stored with each run, so that a run can be judged again where the scenario is not installed.
    """

    name: str
    question: str
    contract: tuple[str, ...]
    headline: str
    judges: dict[str, Judge]
    conserved: dict[str, tuple[str, ...]] = {}
    parity: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("main",)
    cpu_bound: bool = False
    """Whether it computes on one thread, on backends whose tasks are no threads."""


class BackendCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a report needs to know of a backend. `offers`: capability → `support: note`, where it is not native."""

    label: str
    name: str
    summary: str
    offers: dict[str, str] = {}
    install_hint: str = ""
    planted: bool = False
    """Whether it is broken on purpose."""
    parallel: bool = False
    """Whether its tasks are threads of the system, so that figures scatter with where they run."""


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, tag="run-started"):
    """First line of a journal."""

    format: int = FORMAT
    run_id: str
    started_at: str
    """UTC, ISO 8601."""
    request: Request
    plan: Plan
    scenarios: tuple[ScenarioCard, ...]
    backends: tuple[BackendCard, ...]
    environment: dict[str, Any] = {}
    expectations: tuple[Expectation, ...] = ()


class CellStarted(msgspec.Struct, frozen=True, kw_only=True, tag="cell-started"):
    """The processes of a cell run."""

    cell_id: str
    pids: dict[str, int]


class CellObserved(msgspec.Struct, frozen=True, kw_only=True, tag="cell-observed"):
    """A cell recorded a fact."""

    cell_id: str
    observation: Observation


class CellProgressed(msgspec.Struct, frozen=True, kw_only=True, tag="cell-progressed"):
    """Heartbeat of a running cell, a few times a second; not written to the journal."""

    cell_id: str
    seconds: float
    progress: int


class CellFinished(msgspec.Struct, frozen=True, kw_only=True, tag="cell-finished"):
    """A cell has its outcome and its processes are gone."""

    result: CellResult


class CellRetried(msgspec.Struct, frozen=True, kw_only=True, tag="cell-retried"):
    """A cell ended badly, and is run again: this result does not count, and what it observed does not."""

    result: CellResult
    attempt: int
    """Which one it was, from 1."""


class RunExtended(msgspec.Struct, frozen=True, kw_only=True, tag="run-extended"):
    """More cells are planned: there is time left for further rounds of some rows."""

    cells: tuple[Cell, ...]
    skipped: tuple[SkippedCell, ...] = ()


class RunCalibrated(msgspec.Struct, frozen=True, kw_only=True, tag="run-calibrated"):
    """How much work the cells of these rows do from now on: those that have no result yet, and those planned later."""

    rows: tuple[RowWork, ...]


class RunResumed(msgspec.Struct, frozen=True, kw_only=True, tag="run-resumed"):
    """A run that did not end goes on: what follows is about its remaining cells."""

    resumed_at: str
    """UTC, ISO 8601."""
    cells: int = 0
    """How many there are."""
    environment: dict[str, Any] = {}


class RunFinished(msgspec.Struct, frozen=True, kw_only=True, tag="run-finished"):
    """Last line of a journal: its counts prove that it is complete. `events` counts the lines before this one."""

    finished_at: str
    events: int
    cells: int
    interrupted: bool = False
    checksum: str = ""
    """CRC-32 of the lines before this one, in hexadecimal; empty if nobody made one."""


RunEvent = (
    RunStarted
    | RunExtended
    | RunCalibrated
    | RunResumed
    | CellStarted
    | CellObserved
    | CellProgressed
    | CellRetried
    | CellFinished
    | RunFinished
)


class CellRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cell with everything that is known of it."""

    cell: Cell
    result: CellResult
    observations: tuple[Observation, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands in its journal. Each planned cell has a record, with a reason if it did not run."""

    started: RunStarted
    records: tuple[CellRecord, ...]
    complete: bool
    """Whether the footer is there and its counts hold."""
    note: str = ""
    """What is wrong with the journal, if anything (truncated, line N unreadable)."""
    works: tuple[RowWork, ...] = ()
    """Of the rows whose amount of work was chosen while it ran."""
