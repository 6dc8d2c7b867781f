"""Check a backend: every clause of the Runtime contract, and the report of a run when something goes wrong.

The clauses come from the kit (`harness.testing.contract`). The rest are cells of the real planner and executor, of
scenarios whose end is known beforehand (`harness.testing.deliberate`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import msgspec

from harness import api
from harness.api import Capability, Scenario, Support
from harness.execute import execute
from harness.model import CellFinished, CellObserved, CellResult, Outcome, Request, RunEvent, UsageError, matches_glob
from harness.plan import make_plan, parse_spec
from harness.plugins import Catalogue

from .breaches import list_unknown, select_breaches
from .clauses import CLAUSES, Clause
from .contract import lacking, run_clauses
from .deliberate import BLOCKS, FAILS, RUNS, WAITS, PlannedFailure
from .hot_path import REFERENCE, OperationCost, measure_hot_paths

_KIT = "/harness/testing/"
_CLAUSES = "/harness/testing/clauses/"
_UNABLE = "the backend cannot be run here"
_STALE = "it holds, and is declared as broken"
_FRAME = re.compile(r'^[\s|]*File "(?P<path>[^"]+)", line (?P<line>\d+),? in (?P<name>\S+)', re.MULTILINE)


class Verdict(StrEnum):
    """Result of a check for one question."""

    HOLDS = "holds"
    """The promise is kept."""
    BROKEN = "broken"
    """It is not."""
    KNOWN = "known"
    """Broken, as a plugin declares: the runtime's own fault, so nothing to mend here."""
    STALE = "stale"
    """Known as broken, and not broken any more."""
    NOT_ASKED = "not asked"
    """It needs a capability that is declared absent, or the backend cannot be run."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one question."""

    question: str
    """The clause, or the promised report of a cell."""
    about: str
    """The operation that promises it, e.g. `Runtime.sleep`."""
    verdict: Verdict
    """The answer."""
    error: str = ""
    """All that is known of what went wrong, or why it was not asked."""
    promise: str = ""
    """The promise: the docstring of the operation that is broken."""
    where: str = ""
    """The innermost line of the backend that the error went through, `file:line in function`."""
    known: str = ""
    """Why it is known as broken, with the reference, and its source."""

    @property
    def kind(self) -> str:
        """The class of the contract that it is about."""
        return self.about.partition(".")[0]

    @property
    def summary(self) -> str:
        """The line of the error that explains the problem."""
        lines = [line for line in (line.strip(" |+-") for line in self.error.splitlines()) if line]
        if not lines:
            return ""
        return lines[-1] if "Traceback (most recent call last)" in self.error else lines[0]


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a check."""

    backend: str
    """The spec, in canonical order."""
    findings: tuple[Finding, ...]
    """In the order in which they were asked."""
    costs: tuple[OperationCost, ...] = ()
    """Cost of the adapter on the hot paths. For information: it never decides whether a check passes."""

    @property
    def asked(self) -> int:
        """Number of questions asked: those that need a capability that is declared absent are not."""
        return sum(finding.verdict is not Verdict.NOT_ASKED for finding in self.findings)

    @property
    def held(self) -> int:
        """How many hold."""
        return sum(finding.verdict is Verdict.HOLDS for finding in self.findings)

    @property
    def broken(self) -> tuple[Finding, ...]:
        """Those that do not, and are not known for it."""
        return self._of(Verdict.BROKEN)

    @property
    def known(self) -> tuple[Finding, ...]:
        """Those that do not, as is known."""
        return self._of(Verdict.KNOWN)

    @property
    def stale(self) -> tuple[Finding, ...]:
        """Those that are known as broken and hold."""
        return self._of(Verdict.STALE)

    @property
    def passed(self) -> bool:
        """Whether there was a question to ask, and every answer but the known ones is right."""
        return bool(self.held) and not self.broken and not self.stale

    @property
    def causes(self) -> tuple[tuple[Finding, ...], ...]:
        """The broken ones, grouped by common cause: the line of the backend, or the error itself."""
        groups: dict[str, list[Finding]] = {}
        for finding in self.broken:
            groups.setdefault(finding.where or finding.summary or finding.question, []).append(finding)
        return tuple(map(tuple, groups.values()))

    def _of(self, verdict: Verdict) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is verdict)


class _Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that was run: its result and the keys that it observed."""

    result: CellResult
    keys: frozenset[str] = frozenset()


class _Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """A question about a whole cell. `judge` returns the problem, or nothing."""

    question: str
    about: str
    scenario: Scenario
    judge: Callable[[_Cell], str]
    needs_absent: bool = False
    """Whether the scenario is to need a capability that the backend declares absent."""


class Check:
    """The questions that are put to a backend.

    Args:
        spec: of the backend, `name[:key=value,...]`.
        catalogue: where it is found.

    Raises:
        UsageError: unknown backend, option or value.
    """

    def __init__(self, spec: str, catalogue: Catalogue) -> None:
        self._spec = parse_spec(spec, catalogue)
        self._backend = catalogue.backend(self._spec.name)
        self._catalogue = catalogue
        self._absent = next((c for c in Capability if self._offer(c) is Support.ABSENT), None)
        self._known = select_breaches(catalogue.breaches, self.backend)

    @property
    def backend(self) -> str:
        """The spec, in canonical order."""
        return str(self._spec)

    @property
    def questions(self) -> dict[str, str]:
        """Every question in the order in which it is put, with its subject."""
        return {conduct.question: conduct.about for conduct in _CONDUCT} | {c.name: c.of for c in CLAUSES}

    def run(self, only: Container[str] | None = None) -> Generator[Finding, None, None]:
        """Put the questions, or only those named, and yield what became of each, in order.

        A backend that cannot be run at all is asked nothing else. A declared breach without a question is
        stale, if all questions are put.
        """
        if only is None:
            for breach in list_unknown(self._known.values(), self.questions):
                error = f"{breach.source} declares it as broken, and there is no such question"
                yield Finding(question=breach.clause, about="Backend", verdict=Verdict.STALE, error=error)
        unable = ""
        with TemporaryDirectory(prefix="harness-check-") as folder:
            for conduct in _CONDUCT:
                if only is not None and conduct.question not in only:
                    continue
                if reason := unable or self._why_no_cell(conduct):
                    yield _not_asked(conduct.question, conduct.about, reason)
                    continue
                cell = self._run(conduct, Path(folder))
                yield self._finding(conduct.question, conduct.about, conduct.judge(cell))
                if cell.result.outcome is Outcome.UNAVAILABLE:
                    unable = _UNABLE
        yield from self._clauses([clause for clause in CLAUSES if only is None or clause.name in only], unable)

    def measure_costs(self) -> tuple[OperationCost, ...]:
        """Measure the cost of the adapter on the hot paths, beside the reference backend if that is there."""
        reference = self._catalogue.backends.get(REFERENCE)
        return measure_hot_paths(self._backend.runner, dict(self._spec.options), reference.runner if reference else "")

    # --- clauses ---
    def _clauses(self, clauses: list[Clause], unable: str) -> Iterator[Finding]:
        asked = [clause for clause in clauses if not unable and not self._skip_reason(clause)]
        with closing(self._results(asked)) as results:
            for clause in clauses:
                if reason := unable or self._skip_reason(clause):
                    yield _not_asked(clause.name, clause.of, reason)
                    continue
                try:
                    error = next(results)
                except ImportError as exc:
                    error, unable, self._known = str(exc), _UNABLE, {}  # what cannot be run breaks no clause
                yield self._finding(clause.name, clause.of, error)

    def _results(self, clauses: list[Clause]) -> Generator[str, None, None]:
        """Yield the problem of each clause, or nothing."""
        for result in run_clauses(self._backend.runner, dict(self._spec.options), clauses):
            yield "".join(f"not awaited: {line}\n" for line in result.unhandled) + result.error

    def _skip_reason(self, clause: Clause) -> str:
        configured = msgspec.structs.replace(
            self._backend, capabilities=self._backend.offers(dict(self._spec.options)), options=()
        )
        offer = lacking(configured, clause)
        return "" if offer is None else f"declared absent: {offer.note or 'no reason given'}"

    # --- conduct ---
    def _why_no_cell(self, conduct: _Conduct) -> str:
        return "the backend declares nothing absent" if conduct.needs_absent and self._absent is None else ""

    def _run(self, conduct: _Conduct, folder: Path) -> _Cell:
        scenario = conduct.scenario
        if conduct.needs_absent and self._absent is not None:
            scenario = msgspec.structs.replace(scenario, name="check.nonsense", requires=(self._absent,))
        catalogue = msgspec.structs.replace(self._catalogue, scenarios={scenario.name: scenario})
        plan = make_plan(Request(backends=(self.backend,), scenarios=(scenario.name,), preset=""), catalogue)
        # Closed, so that a check that is interrupted ends the processes of its cell too.
        with closing(cast("Generator[RunEvent, None, None]", execute(plan, catalogue, folder))) as stage:
            events = list(stage)
        (ended,) = (event for event in events if isinstance(event, CellFinished))
        facts = (event.observation for event in events if isinstance(event, CellObserved))
        return _Cell(result=ended.result, keys=frozenset(getattr(fact, "key", "") for fact in facts))

    def _offer(self, capability: Capability) -> Support:
        return self._backend.offer(capability, dict(self._spec.options)).support

    def _finding(self, question: str, about: str, error: str) -> Finding:
        breach = self._known.get(question)
        known = "" if breach is None else f"{breach.text}; says {breach.source}"
        if not error:
            is_stale = breach is not None and not breach.sometimes
            verdict = Verdict.STALE if is_stale else Verdict.HOLDS
            return Finding(
                question=question, about=about, verdict=verdict, error=_STALE * is_stale, known=known * is_stale
            )
        package = self._backend.runner.partition(":")[0].partition(".")[0]
        return Finding(
            question=question,
            about=about,
            verdict=Verdict.BROKEN if breach is None else Verdict.KNOWN,
            error=error.rstrip(),
            promise=describe_promise(about),
            where=_find_line(error, package),
            known=known,
        )


def check_backend(
    spec: str,
    catalogue: Catalogue,
    only: Sequence[str] = (),
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> CheckReport:
    """Put every question to a backend, or those that match a glob, and measure the cost of the adapter.

    Args:
        spec: of the backend.
        catalogue: where it is found.
        only: globs over the questions and their topics; with one, no costs are measured.
        tell: is called after each question with the number of those that were put, and of all.

    Raises:
        UsageError: unknown backend, option or value, or no question matches.
    """
    check = Check(spec, catalogue)
    selected = _select_questions(check.questions, only)
    findings: list[Finding] = []
    for finding in check.run(selected if only else None):
        findings.append(finding)
        tell(len(findings), len(selected))
    is_runnable = not only and any(finding.verdict is Verdict.HOLDS for finding in findings)
    costs = check.measure_costs() if is_runnable else ()
    return CheckReport(backend=check.backend, findings=tuple(findings), costs=costs)


def _select_questions(questions: Mapping[str, str], only: Sequence[str]) -> set[str]:
    if not only:
        return set(questions)
    found = {
        question
        for question, about in questions.items()
        if any(matches_glob(text, f"*{glob}*") for glob in only for text in (question, about))
    }
    if not found:
        raise UsageError(f"no question matches {', '.join(only)}; harness plugin check -v lists them by their subject")
    return found


def describe_promise(about: str) -> str:
    """Return the docstring of an operation of the contract, of a class or of a method of one; a line."""
    kind, _, name = about.partition(".")
    owner = getattr(api, kind)
    text = inspect.getdoc(vars(owner).get(name)) if name else inspect.getdoc(owner)
    return " ".join((text or "").split())


def _not_asked(question: str, about: str, reason: str) -> Finding:
    return Finding(question=question, about=about, verdict=Verdict.NOT_ASKED, error=reason)


def _find_line(error: str, package: str) -> str:
    """Return the innermost line of the backend, or of its callees, that a clause came to."""
    frames = list(_FRAME.finditer(error))
    if "most recent call last" not in error:
        frames.reverse()  # as faulthandler writes them
    first = next((number for number, frame in enumerate(frames) if _CLAUSES in frame["path"]), -1)
    below = [frame for frame in frames[first + 1 :] if _KIT not in frame["path"]]
    # Where no clause is among them the scheduler itself failed, below the `run` that it was started with.
    own = [f for f in below if f"/{package}/" in f["path"] and (first >= 0 or f["name"] != "run")] or below
    return f"{own[-1]['path']}:{own[-1]['line']} in {own[-1]['name']}" if own else ""


# --- questions about a cell ---


def _is_attested(cell: _Cell) -> str:
    if cell.result.outcome is not Outcome.COMPLETED:
        return _otherwise(cell, Outcome.COMPLETED)
    attestation = cell.result.roles[0].attestation
    if attestation is None:
        return "the worker attested nothing"
    return "" if attestation.holds else f"{attestation.scheduler} ran, and {attestation.expected} was expected"


def _leaves_nothing(cell: _Cell) -> str:
    if cell.result.outcome is not Outcome.COMPLETED:
        return _otherwise(cell, Outcome.COMPLETED)
    (role,) = cell.result.roles
    lost = [f"not awaited: {one.context}" for one in role.unhandled]
    return "; ".join([*role.leaks, *(f"process {left}" for left in (*role.escaped, *role.survivors)), *lost])


def _is_unsupported(cell: _Cell) -> str:
    return "" if cell.result.outcome is Outcome.UNSUPPORTED else _otherwise(cell, Outcome.UNSUPPORTED)


def _is_raised(cell: _Cell) -> str:
    if cell.result.outcome is not Outcome.RAISED:
        return _otherwise(cell, Outcome.RAISED)
    error = cell.result.roles[0].error
    said = "" if error is None else " ".join((error.type, *error.leaves))
    return "" if PlannedFailure.__name__ in said else f"{PlannedFailure.__name__} was raised, and {said!r} is reported"


def _is_ended(cell: _Cell) -> str:
    if cell.result.outcome is not Outcome.HUNG:
        return _otherwise(cell, Outcome.HUNG)
    if not cell.keys:
        return "hung before it came to where it should"
    left = cell.result.roles[0].survivors
    return f"could not be ended: {', '.join(left)}" if left else ""


def _otherwise(cell: _Cell, wanted: Outcome) -> str:
    """Report that a cell ended otherwise than it must, and how."""
    said = f"the cell must be {wanted.value!r}, and is {cell.result.outcome.value!r}: {cell.result.reason}"
    traces = [role.error.traceback for role in cell.result.roles if role.error is not None]
    return "\n".join([said.rstrip(": "), *traces])


_CONDUCT = (
    _Conduct(
        question="the backend that runs is the requested one",
        about="BackendRunner.expected_scheduler",
        scenario=RUNS,
        judge=_is_attested,
    ),
    _Conduct(question="a run leaves nothing behind", about="BackendRunner.run", scenario=RUNS, judge=_leaves_nothing),
    _Conduct(
        question="a scenario that needs an absent capability is unsupported",
        about="Capability",
        scenario=RUNS,
        judge=_is_unsupported,
        needs_absent=True,
    ),
    _Conduct(
        question="a scenario that raises is reported with its exception",
        about="BackendRunner.run",
        scenario=FAILS,
        judge=_is_raised,
    ),
    _Conduct(
        question="a task that waits for ever is seen as hung, and ended",
        about="BackendRunner.run",
        scenario=WAITS,
        judge=_is_ended,
    ),
    _Conduct(
        question="a call that never returns is seen as hung, and ended",
        about="BackendRunner.run",
        scenario=BLOCKS,
        judge=_is_ended,
    ),
)
