"""Results of a run: judgements, computed from facts and never stored among them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from harness.api import Harm

from .answers import Nature
from .cell import RowId
from .outcome import Outcome
from .root_cause import DropIn, RootCause


class FindingKind(StrEnum):
    """Kinds of finding, in order of weight."""

    HARNESS_FAULT = "harness fault"
    """Our own fault, charged to no backend."""
    VIOLATION = "violation"
    """A backend does something that the scenario's contract forbids, whatever the others do."""
    HANG = "hang"
    """A cell made no progress and did not end."""
    CRASH = "crash"
    """Crashed, raised, hit a limit, or timed out."""
    WRONG_BACKEND = "wrong backend"
    """The backend that ran differs from the requested one."""
    DIVERGENCE = "divergence"
    """Backends differ in an outcome that must be the same."""
    LEFTOVER = "leftover"
    """Something outlived a cell."""
    UNHANDLED = "unhandled"
    """Exceptions that no task awaited; the cell's numbers are void."""
    SUSPECT_SCENARIO = "suspect scenario"
    """Every backend breaks the invariant: look at the scenario first."""
    STALE_EXPECTATION = "stale expectation"
    """A difference that is expected did not occur."""
    MISSED = "missed fault"
    """A scenario did not catch a fault that was planted for it."""
    FLAKY = "flaky"
    """A cell completed, but only when it was run again."""
    INTERESTING = "interesting"
    """A legitimate difference that a user would want to know."""
    STALLED = "stalled"
    """A cell ended, and one call had held its scheduler for more than 0.1 s."""
    INVALID_ENV = "invalid environment"
    """A cell could not run on this host or in its environment; no backend is charged, and the run is incomplete."""
    UNAVAILABLE = "unavailable"
    """A backend could not run at all here."""

    @property
    def unexpected(self) -> bool:
        """Whether a finding of this kind makes the exit code 1."""
        return self not in (
            FindingKind.FLAKY,
            FindingKind.INTERESTING,
            FindingKind.STALLED,
            FindingKind.INVALID_ENV,
            FindingKind.UNAVAILABLE,
        )


PLANTED = "planted"
"""Why a finding about a backend that is broken on purpose is known."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Backends that agree on a value. `seen` counts the repetitions in which it was seen, `of` all repetitions.

    Both are of one backend: backends that saw a value in different shares of their repetitions are different groups.
    """

    value: str
    """The value, as text."""
    backends: tuple[str, ...]
    """Their columns."""
    seen: int = 1
    of: int = 1
    grade: str = ""
    """Of the value, where it is graded."""
    reason: str = ""
    """Why it has that grade."""
    reference: str = ""
    """Where that is written down."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a reader should know, self-contained.

    It gives the expected behaviour and its reason, the observed one, and a command that shows it again.
    """

    kind: FindingKind
    """Kind and weight of the finding."""
    row: RowId
    """Where it was seen."""
    backends: tuple[str, ...]
    """The backends concerned: those that break the contract, or those in the minority."""
    title: str
    """One line, without the backend names."""
    question: str = ""
    """The question of the scenario."""
    key: str = ""
    """The observation key that it is about; empty for the outcome of a cell."""
    values: tuple[str, ...] = ()
    """The values of the key that it is about; empty is every value in `groups`."""
    known: str = ""
    """Why it is expected, if it is: the reason and reference of the expectation."""
    expected: str = ""
    """What should have been seen."""
    reason: str = ""
    """Why that was expected."""
    reference: str = ""
    """Where that is written down."""
    groups: tuple[Group, ...] = ()
    """Which backends agree on what."""
    culprit: tuple[str, ...] = ()
    """Where pairs of backends were run: the backend at fault and its role."""
    divergence: str = ""
    """First point of divergence of a trace, or the last step before a hang."""
    depends_on: tuple[RowId, ...] = ()
    """Rows of prerequisites of its question that break on the same backends."""
    details: tuple[str, ...] = ()
    """More lines: error leaves, stacks, limits."""
    command: str = ""
    """Shows it again."""
    evidence: str = ""
    """Folder, relative to the run folder."""

    @property
    def unexpected(self) -> bool:
        """Whether it makes the exit code 1."""
        return self.kind.unexpected and not self.known


class SpeedVerdict(StrEnum):
    """Verdict of an interval on a metric, relative to the reference.

    Faster means better by the metric: less where lower is better, more where higher is better.
    """

    FASTER = "faster"
    """Better by more than the margin."""
    SLIGHTLY_FASTER = "slightly faster"
    """It differs; by more than the margin or by less is not known."""
    EQUIVALENT = "equivalent"
    """If it differs, then by less than the margin."""
    SLIGHTLY_SLOWER = "slightly slower"
    """As slightly faster, the other way round."""
    SLOWER = "slower"
    """Worse by more than the margin."""
    INCONCLUSIVE = "inconclusive"
    """The interval is too wide for any of these."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio and its interval."""

    ratio: float
    """The estimate."""
    low: float
    """The lower end of its interval."""
    high: float
    """The upper end."""


class RatioSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A metric as a factor of the reference's, over the rounds that both have; `ratio` is the median of theirs."""

    reference: str
    """The column that it is held against."""
    ratio: float | None = None
    """Nothing where it is withheld."""
    rounds: int = 0
    """How many rounds have both."""
    low: float | None = None
    """The lower end of the interval; nothing with too few rounds."""
    high: float | None = None
    """The upper end."""
    confidence: float = 0.0
    """Of the interval; 0 without one."""
    verdict: SpeedVerdict | None = None
    """Nothing where there are too few rounds for any."""
    rounds_needed: int = 0
    """About as many rounds would decide an inconclusive comparison."""
    disparity: tuple[str, ...] = ()
    """Observations that differ although a ratio means little unless they agree: `capacity: 1 against 1000`."""
    withheld: str = ""
    """Why there is no ratio."""
    bimodal: Bounds | None = None
    """The ratio of the best values of the cells, where more than the margin lies between its interval and the other."""


class MetricSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a metric over rounds: one per round (median of the samples in a cell)."""

    unit: str
    """As shown behind a value."""
    better: str
    """`lower` or `higher`."""
    values: tuple[float, ...]
    """Of each round."""
    median: float
    """Of the values."""
    rounds: tuple[int, ...] = ()
    """The round of each value: rounds are what pairs the values of two backends."""
    best: tuple[float, ...] = ()
    """The best of the samples of each cell, which is the least disturbed one, where a cell took several."""

    @property
    def by_round(self) -> dict[int, float]:
        """The value of each round."""
        return dict(zip(self.rounds, self.values, strict=True))

    @property
    def best_by_round(self) -> dict[int, float]:
        """The best sample of each round; nothing where cells took one."""
        return dict(zip(self.rounds, self.best, strict=True)) if self.best else {}


class CellSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One square of the grid: the cells of a row and a backend, over all rounds."""

    label: str
    """The column: a backend spec, or those of server and client."""
    roles: tuple[str, ...] = ()
    """The backend of each role, in the order of the scenario's roles."""
    outcomes: dict[Outcome, int]
    """How many cells had which one."""
    headline: MetricSummary | None = None
    """The metric that the row is about, if it has one."""
    metrics: dict[str, MetricSummary] = {}
    """Every metric by its key."""
    ratio: RatioSummary | None = None
    """Of the headline; nothing where one of the two has no figure."""
    ratios: dict[str, RatioSummary] = {}
    """Of each metric."""
    values: dict[str, Any] = {}
    """Other observation keys with the value seen (a list if it was seen to vary)."""
    frequencies: dict[str, dict[str, int]] = {}
    """Keys judged by a graded set: how often each value was seen, over repetitions and rounds."""
    reason: str = ""
    """Why there is no figure, if there is none."""
    findings: tuple[FindingKind, ...] = ()
    """Kinds of the findings that name this square and are not known, heaviest first."""
    known: tuple[FindingKind, ...] = ()
    """Kinds of those that are known."""
    withheld: bool = False
    """Whether its cells ran without a measured headline; `reason` explains it."""
    harms: tuple[Harm, ...] = ()
    """Harm that its answers do to a program, the worst first: of breaches, and of answers graded with a harm."""
    planted: bool | None = None
    """Of a backend that is broken on purpose: whether its fault was caught here, where it had to be."""

    @property
    def is_unexpected(self) -> bool:
        """Whether a finding that names it makes the exit code 1."""
        return any(kind.unexpected for kind in self.findings)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome over the rounds, in the order of `Outcome` from the end of what can go wrong."""
        for outcome in _WORST_FIRST:
            if outcome in self.outcomes:
                return outcome
        return Outcome.NOT_RUN


_WORST_FIRST = (
    Outcome.HARNESS_FAULT,
    Outcome.CRASHED,
    Outcome.HUNG,
    Outcome.TIMED_OUT,
    Outcome.RAISED,
    Outcome.LIMIT,
    Outcome.WRONG_BACKEND,
    Outcome.INVALID_ENV,
    Outcome.INTERRUPTED,
    Outcome.UNAVAILABLE,
    Outcome.UNSUPPORTED,
    Outcome.NOT_RUN,
    Outcome.COMPLETED,
)


class RowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the grid."""

    row: RowId
    """The scenario and its parameters."""
    headline: str
    """The key of the metric that it is about; empty for none."""
    cells: tuple[CellSummary, ...]
    """Its squares, in the order of the columns."""
    alias: RatioSummary | None = None
    """The reference against itself, where it was run twice in each round."""
    nature: Nature | None = None
    """Whether an order of steps explains that its backends answer differently; nothing where that was not asked."""


class OrderEffect(msgspec.Struct, frozen=True, kw_only=True):
    """Effect of the order of execution on figures: above 1 is worse, with bounds of 99 %. Rounds balance it."""

    name: str
    """Which cells are set against the rest."""
    ratio: float
    """Of the figures of these cells to the others'."""
    low: float
    """The lower bound."""
    high: float
    """The upper bound."""
    count: int
    """How many comparisons it rests on."""


class SelfCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The reference, run twice in each round, against itself: do we call identical code different?"""

    reference: str
    """The column that was run twice."""
    checked: tuple[RowId, ...]
    """Rows with enough rounds for an interval of 99 %."""
    missed: tuple[RowId, ...] = ()
    """Those of them whose interval does not hold 1."""
    effects: tuple[OrderEffect, ...] = ()
    """What disturbed all backends alike."""

    @property
    def allowed(self) -> float:
        """How many rows chance may make miss."""
        return max(1.0, 0.03 * len(self.checked))

    @property
    def failed(self) -> bool:
        """Whether figures of this run cannot be believed."""
        return len(self.missed) > self.allowed


class Overall(msgspec.Struct, frozen=True, kw_only=True):
    """How many times the reference's cost a backend has over all rows: descriptive, no verdict rests on it."""

    ratio: float
    """Geometric mean over rows; below 1 is better, also where a row's figure is better when it is higher."""
    rows: int
    """How many rows it is of: those that have an interval, if any has."""
    low: float | None = None
    """Bounds of 95 % by a bootstrap over rounds; nothing where no row has an interval."""
    high: float | None = None
    """The upper end of the interval."""


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """How often cells were run again because others had the CPU, by backend (`asyncio(again)` is the alias)."""

    cells: dict[str, int]
    """Number of cells with a known value: those of scenarios that compute on one thread."""
    repeated: dict[str, int]
    """Those of them that were run again."""
    unequal: tuple[str, ...] = ()
    """Backends that this met more or less often than the others, by more than chance."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Results of a run: grid, findings, ratios and checks."""

    run_id: str
    """Of the run that was judged."""
    labels: tuple[str, ...]
    """Columns, in the order of the request."""
    reference: str = ""
    """The column that ratios refer to."""
    self_check: SelfCheck | None = None
    """Nothing if the reference was not run twice."""
    rows: tuple[RowSummary, ...]
    """The grid, line by line."""
    findings: tuple[Finding, ...]
    """In order of weight."""
    note: str = ""
    """Problems of the run itself (incomplete journal, interrupted)."""
    incomplete: str = ""
    """Why there is no verdict: part of the plan did not run, or the journal is damaged."""
    repeats: Repeats | None = None
    """Nothing if no cell was run again."""
    overall: dict[str, Overall] = {}
    """By column, where it has ratios to the reference."""
    root_causes: tuple[RootCause, ...] = ()
    """Causes that unexpected findings share, the worst first."""
    drop_in: DropIn | None = None
    """Whether a candidate replaces its baseline, where the run asked for that."""

    @property
    def known(self) -> tuple[Finding, ...]:
        """The findings that are expected."""
        return tuple(finding for finding in self.findings if finding.known)

    def only(self, findings: Iterable[Finding]) -> Comparison:
        """Return it with these of its findings, and with the causes that they share."""
        kept = {id(finding) for finding in findings}
        places = [place for place, finding in enumerate(self.findings) if id(finding) in kept]
        now = {place: number for number, place in enumerate(places)}
        causes = (
            msgspec.structs.replace(cause, findings=tuple(now[place] for place in cause.findings if place in now))
            for cause in self.root_causes
        )
        return msgspec.structs.replace(
            self,
            findings=tuple(self.findings[place] for place in places),
            root_causes=tuple(cause for cause in causes if cause.findings),
        )

    @property
    def unexpected(self) -> tuple[Finding, ...]:
        """The findings that make the exit code 1."""
        return tuple(finding for finding in self.findings if finding.unexpected)
