"""A run: its events, and the run as it is read back from them."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.api import Chart, Judge

from .answers import PossibleAnswers
from .cell import Cell, Plan, Request, SkippedCell
from .expectation import Expectation
from .outcome import FORMAT, CellResult, Observation
from .work import RowWork

EVIDENCE = "evidence"
"""Folder of a run that holds the output and the stacks of its cells."""
MACHINE_FACTS = ("system", "machine", "cpu", "cores", "usable_cores")
"""Facts of a run's environment: where one of them is another one, so is the machine."""
PASSING_FACTS = ("load", "cpu_pressure", "noise", "self_test")
"""Facts of a run's environment that are other ones all the time, and make it no other environment."""


class ScenarioCard(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a scenario that comparisons and reports need.

    Stored with each run, so that a run can be judged again where the scenario is not installed.
    """

    name: str
    """As the scenario has it, like what follows."""
    question: str
    """The question that it answers for a reader."""
    contract: tuple[str, ...]
    """What every backend has to keep."""
    headline: str
    """The key of the metric that it is about."""
    judges: dict[str, Judge]
    """By key, how values are judged."""
    conserved: dict[str, tuple[str, ...]] = {}
    """A total, and the keys that have to add up to it."""
    parity: tuple[str, ...] = ()
    """The parts that are equal on all backends and the parts that are not."""
    roles: tuple[str, ...] = ("main",)
    """Names of its roles."""
    cpu_bound: bool = False
    """Whether it computes on one thread, on backends whose tasks are no threads."""
    requires: tuple[str, ...] = ()
    """Capabilities that it needs."""
    charts: tuple[Chart, ...] = ()
    """Charts of the tables that it observes."""
    topics: tuple[str, ...] = ()
    """Words of a user for the features that it is about."""
    prerequisites: tuple[str, ...] = ()
    """Scenarios whose contract it takes for granted."""
    subject: str = ""
    """The library under test; empty where the runtimes are judged."""
    scripts: tuple[str, ...] = ()
    """Runtimes, with idioms that are not the default, for which it brings a standalone script."""


class BackendCard(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a backend for reports. `offers`: capability → `support: note`, where it is not native."""

    label: str
    """The column: its spec."""
    name: str
    """Of the backend."""
    summary: str
    """Description on one line."""
    offers: dict[str, str] = {}
    install_hint: str = ""
    """What to do where the runtime is not there."""
    planted: bool = False
    """Whether it is broken on purpose."""
    parallel: bool = False
    """Whether its tasks are threads of the system, so that figures scatter with where they run."""
    implements: tuple[str, ...] = ()
    """Scenarios of which it brings an implementation of its own."""
    costs: dict[str, str] = {}
    """By scenario, the cost of its adapter."""
    derives_from: tuple[str, ...] = ()
    """Names of the backends whose expectations it inherits, nearest first."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When an event was recorded, so that a stored run can be replayed as a timeline."""

    wall: float
    """Unix time; may jump with the clock of the host."""
    elapsed: float
    """Seconds that the run had been running, by a monotonic clock; a resumed run continues where it stopped."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a journal."""

    when: Moment | None = None
    """`None` until it is recorded, and in journals of harness 0.1."""


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    """First line of a journal."""

    format: int = FORMAT
    """Version of the lines that follow."""
    run_id: str
    """Name of the run, and of its folder."""
    started_at: str
    """UTC, ISO 8601."""
    request: Request
    """The user's request."""
    plan: Plan
    """The plan made for it."""
    scenarios: tuple[ScenarioCard, ...]
    """Those that are run."""
    backends: tuple[BackendCard, ...]
    """Those that they are run on."""
    environment: dict[str, Any] = {}
    """Facts of the machine and of the software."""
    expectations: tuple[Expectation, ...] = ()
    """Known differences in its scenarios."""
    answers: tuple[PossibleAnswers, ...] = ()
    """Answers that these backends in these versions give to its questions under many orders of steps."""


class CellStarted(Event, frozen=True, kw_only=True, tag="cell-started"):
    """The processes of a cell run."""

    cell_id: str
    """Of which cell."""
    pids: dict[str, int]
    """By role."""


class CellObserved(Event, frozen=True, kw_only=True, tag="cell-observed"):
    """A cell recorded a fact."""

    cell_id: str
    """Of which cell."""
    observation: Observation
    """The fact."""


class CellProgressed(Event, frozen=True, kw_only=True, tag="cell-progressed"):
    """Heartbeat of a running cell, a few times a second; not written to the journal."""

    cell_id: str
    """Of which cell."""
    seconds: float
    """Since its start."""
    progress: int
    """Units of work that it reported by now."""


class HelperContinued(Event, frozen=True, kw_only=True, tag="helper-continued"):
    """A helper process of the run was stopped by a signal (SIGSTOP) and goes on; not written to the journal."""

    helper: str
    """The process, in words."""


class CellFinished(Event, frozen=True, kw_only=True, tag="cell-finished"):
    """A cell has its outcome and its processes are gone."""

    result: CellResult
    """Result of the cell."""


class CellRetried(Event, frozen=True, kw_only=True, tag="cell-retried"):
    """A cell ended badly, and is run again: neither this result nor its observations count."""

    result: CellResult
    """Result of this attempt."""
    attempt: int
    """Which one it was, from 1."""
    confirms: bool = False
    """Whether the next attempt is to confirm this one in a process that is started otherwise."""


class RunExtended(Event, frozen=True, kw_only=True, tag="run-extended"):
    """More cells are planned: there is time left for further rounds of some rows."""

    cells: tuple[Cell, ...]
    """Those that run."""
    skipped: tuple[SkippedCell, ...] = ()
    """Those that cannot."""


class RunCalibrated(Event, frozen=True, kw_only=True, tag="run-calibrated"):
    """How much work the cells of these rows do from now on: those that have no result yet, and those planned later."""

    rows: tuple[RowWork, ...]
    """The amount of each."""


class RunResumed(Event, frozen=True, kw_only=True, tag="run-resumed"):
    """A run that did not end goes on: what follows is about its remaining cells."""

    resumed_at: str
    """UTC, ISO 8601."""
    cells: int = 0
    """How many there are."""
    environment: dict[str, Any] = {}
    """Facts as they are now."""


class RunFinished(Event, frozen=True, kw_only=True, tag="run-finished"):
    """Last line of a journal: its counts prove that it is complete. `events` counts the lines before this one."""

    finished_at: str
    """ISO 8601, UTC."""
    events: int
    cells: int
    """How many results there are."""
    interrupted: bool = False
    """Whether the user ended it."""
    checksum: str = ""
    """CRC-32 of the lines before this one, in hexadecimal; empty if there is none."""


RunEvent = (
    RunStarted
    | RunExtended
    | RunCalibrated
    | RunResumed
    | CellStarted
    | CellObserved
    | CellProgressed
    | HelperContinued
    | CellRetried
    | CellFinished
    | RunFinished
)
"""Parts of a run: the lines of its journal, heartbeats, and notes about helper processes."""


class CellRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cell with everything that is known of it."""

    cell: Cell
    """The cell as planned."""
    result: CellResult
    """Result of the cell."""
    observations: tuple[Observation, ...] = ()
    """Recorded facts, in order."""
    started: Moment | None = None
    """When the processes of the attempt that counts were started; `None` without any, or without times."""
    finished: Moment | None = None
    """When its result was recorded."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands in its journal. Each planned cell has a record, with a reason if it did not run."""

    started: RunStarted
    """Its first line."""
    records: tuple[CellRecord, ...]
    """A record of each planned cell."""
    complete: bool
    """Whether the footer is there and its counts hold."""
    note: str = ""
    """Problems of the journal, if any (truncated, line N unreadable)."""
    last: Moment | None = None
    """When the last event was recorded; `None` in journals of harness 0.1."""
    works: tuple[RowWork, ...] = ()
    """Of the rows whose amount of work was chosen while it ran."""
