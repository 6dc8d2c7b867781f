"""Plan → run events, for tests of a suite: batches of tests in worker processes, whose records become cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness.execute import CutOff, posix
from harness.execute.watcher import Watcher, watched
from harness.host.signals import HeldInterrupt
from harness.model import (
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellProgressed,
    CellResult,
    CellStarted,
    Observed,
    Outcome,
    Plan,
    Request,
    RoleResult,
    RunEvent,
    Suite,
)
from harness.plugins import Catalogue

from .batch import describe_refusal, run_batch
from .failure import normalise
from .tests import LEAKED, OUTCOME, UNDER_ORDERS, add_tests

_NOT_BEGUN = "the run was interrupted before this cell"


def choose_stage(request: Request, catalogue: Catalogue) -> tuple[Catalogue, Callable[..., Iterator[RunEvent]] | None]:
    """Return the catalogue of a request, and the stage that runs the tests of its suite; none for scenarios."""
    if request.suite is None:
        return catalogue, None
    return add_tests(catalogue, request.suite), SuiteStage(request.suite, request.rounds)


class SuiteStage:
    """Runs the cells of a suite's plans, in place of `harness.execute.execute`.

    Args:
        suite: whose tests they are.
        rounds: how many rounds run in batches; in further ones each test runs alone.
    """

    def __init__(self, suite: Suite, rounds: int) -> None:
        self._suite = suite
        self._rounds = rounds
        self._batches = 0

    def __call__(
        self,
        plan: Plan,
        catalogue: Catalogue,
        folder: Path,
        *,
        lanes: int = 1,
        skip_reason: Callable[[Cell], str] = lambda _cell: "",
        fresh: bool = True,
        cut_off: CutOff | None = None,
    ) -> Iterator[RunEvent]:
        """Run the cells of a plan and yield the events; every planned cell gets a `CellFinished`."""
        # Tests of a suite may share ports and files, and a loop must be in force before any import. It has no budget.
        del lanes, fresh, cut_off
        posix.adopt_orphans()
        held = HeldInterrupt()
        with watched() as watcher:
            for cells in self._group(plan.cells):
                left = {cell.scenario: cell for cell in cells}
                if not held:
                    with held:
                        yield from self._run_group(left, catalogue, folder, skip_reason, watcher)
                yield from held.pass_on([_finish(cell, Outcome.NOT_RUN, _NOT_BEGUN) for cell in left.values()])
        held.release()

    def _group(self, cells: Sequence[Cell]) -> list[list[Cell]]:
        """Return the cells of each batch, in the order of the suite."""
        place = {name: place for place, name in enumerate(self._suite.files)}
        groups: dict[tuple[int, int, BackendSpec], list[Cell]] = defaultdict(list)
        for cell in sorted(cells, key=lambda cell: place.get(cell.scenario, 0)):
            alone = place.get(cell.scenario, 0) + 1 if cell.round > self._rounds else 0
            groups[cell.round, alone, cell.roles[0].backend].append(cell)
        return [groups[key] for key in sorted(groups, key=lambda key: key[:2])]

    def _run_group(
        self,
        left: dict[str, Cell],
        catalogue: Catalogue,
        folder: Path,
        skip_reason: Callable[[Cell], str],
        watcher: Watcher,
    ) -> Iterator[RunEvent]:
        """Run cells in processes, each with what the one before has left; what has its result leaves `left`."""
        while left:
            for name, reason in [(name, skip_reason(cell)) for name, cell in left.items()]:
                if reason:
                    yield _finish(left.pop(name), Outcome.NOT_RUN, reason)
            if not left:
                return
            if fault := watcher.find_fault():
                yield from [_finish(left.pop(name), Outcome.INVALID_ENV, fault) for name in tuple(left)]
                return
            yield from watcher.take_notes()
            before, batch = len(left), _Batch(left)
            spec = next(iter(left.values())).roles[0].backend
            self._batches += 1
            process = run_batch(self._narrow(left), tuple(left), spec, catalogue, folder, self._batches)
            held = HeldInterrupt()
            with closing(process), held:
                for event in process:
                    yield from batch.take(event)
            yield from held.pass_on(batch.release())
            held.release()
            if len(left) == before or batch.is_over:
                outcome, reason = batch.explain(folder)
                for name in tuple(left):
                    yield _finish(left.pop(name), outcome, reason)

    def _narrow(self, left: dict[str, Cell]) -> Suite:
        """Return the suite with the files of a few tests as targets, so that they need no collection of all."""
        suite, files = replace(self._suite, files={}), {self._suite.files.get(name, "") for name in left}
        if suite.runner == "pytest" and "" not in files and len(left) < len(self._suite.files):
            suite = replace(suite, targets=tuple(sorted(files)))
        is_alone = any(cell.round > self._rounds for cell in left.values())
        return replace(suite, schedules=0, replay=0) if is_alone else suite


class _Batch:
    """Events of one process, as events of the cells of its tests."""

    def __init__(self, left: dict[str, Cell]) -> None:
        self._left = left
        self._open: Cell | None = None
        self._order = 0
        self._pid = 0
        self._result: CellResult | None = None
        self._held_test = ""
        self._held: CellResult | None = None
        """Result of the last test, until the next one starts or the process ends."""

    @property
    def is_over(self) -> bool:
        """Whether the process ended by itself, so that another one would not run more."""
        return self._result is not None and self._result.outcome is not Outcome.HUNG and self._open is None

    def explain(self, folder: Path) -> tuple[Outcome, str]:
        """Return the outcome of the tests that the process did not run."""
        if self._result is None or self._result.outcome is Outcome.COMPLETED:
            return Outcome.NOT_RUN, "the runner of the suite did not run it"
        outcome, reason = self._result.outcome, self._result.reason
        if outcome in (Outcome.UNAVAILABLE, Outcome.UNSUPPORTED, Outcome.HARNESS_FAULT, Outcome.INVALID_ENV):
            return outcome, reason
        if outcome is Outcome.INTERRUPTED:
            return Outcome.NOT_RUN, _NOT_BEGUN
        return Outcome.INVALID_ENV, f"the suite could not be asked: {describe_refusal(self._result, folder)}"

    def take(self, event: RunEvent) -> Iterator[RunEvent]:
        """Yield the events of the tests that follow from one of the process."""
        match event:
            case CellStarted(pids=pids):
                self._pid = pids["main"]
            case CellObserved(observation=Observed(key="start", value=str(name))) if name in self._left:
                yield from self.release()
                self._open, self._order = self._left[name], 0
                yield CellStarted(cell_id=self._open.id, pids={"main": self._pid})
            case CellObserved(observation=Observed(key="order", value=int(seed))):
                self._order = seed
            case CellObserved(observation=Observed(key="end", value=dict(end), at=at)) if self._open is not None:
                yield from self._end(self._open, end, at)
                self._open = None
            case CellProgressed(seconds=seconds, progress=progress) if self._open is not None:
                yield CellProgressed(cell_id=self._open.id, seconds=seconds, progress=progress)
            case CellFinished(result=result):
                yield from self._finish(result)

    def _end(self, cell: Cell, end: dict[str, Any], at: float) -> Iterator[RunEvent]:
        worst = end["worst"]
        facts = _list_facts(end, worst)
        for key, value in facts.items():
            yield CellObserved(cell_id=cell.id, observation=Observed(role="main", key=key, value=value, at=at))
        outcome, reason = Outcome.COMPLETED, ""
        wanted = end["wanted"]
        if worst["result"] == "skipped":
            outcome, reason = Outcome.UNSUPPORTED, f"skipped: {worst.get('message', '')}"
        elif end["ran"] and wanted not in end["ran"]:
            outcome, reason = Outcome.UNSUPPORTED, f"not asked: ran {', '.join(end['ran'])}, not {wanted}"
        role = RoleResult(
            role="main", backend=str(cell.roles[0].backend), outcome=outcome, seconds=end["seconds"], pid=self._pid
        )
        result = CellResult(cell_id=cell.id, outcome=outcome, reason=reason, seconds=end["seconds"], roles=(role,))
        self._held, self._held_test = result, cell.scenario

    def release(self, leaks: tuple[str, ...] = ()) -> Iterator[RunEvent]:
        """Yield the held result, with what the process left behind after its last test."""
        held, self._held = self._held, None
        if held is not None:
            del self._left[self._held_test]
            roles = tuple(replace(role, leaks=leaks) for role in held.roles)
            yield CellFinished(result=replace(held, roles=roles))

    def _finish(self, result: CellResult) -> Iterator[RunEvent]:
        """Charge the end of the process to the test that ran."""
        self._result = result
        is_unfinished = self._open is None and result.outcome in (Outcome.HUNG, Outcome.CRASHED)
        yield from self.release((f"after the last test: {result.reason}",) if is_unfinished else ())
        if self._open is not None:
            cell = self._left.pop(self._open.scenario)
            if result.outcome in (Outcome.COMPLETED, Outcome.RAISED):
                result = replace(result, outcome=Outcome.CRASHED, reason=result.reason or "the test ended its process")
            under = f"under order {self._order}: " if self._order else ""
            yield CellFinished(result=replace(result, cell_id=cell.id, reason=f"{under}{result.reason}"))


def _list_facts(end: dict[str, Any], worst: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {OUTCOME: worst["result"]} if worst["result"] != "skipped" else {}
    if "type" in worst:
        facts["error"] = f"{worst['type']}: {worst['message']}"
        facts["cause"] = {
            name: worst[name] for name in ("type", "normal", "place", "in_test", "internals") if name in worst
        } | {"without_loop": not end["ran"] and not end["made"]}
    facts |= {name: worst[name] for name in ("traceback", "output") if worst.get(name)}
    if end["ran"]:
        facts["schedulers"] = ", ".join(end["ran"])
    if end["all"]:
        facts["results"] = end["all"]
    return facts | _list_leftovers(end, worst) | _list_orders(end["reordered"])


def _list_leftovers(end: dict[str, Any], worst: dict[str, Any]) -> dict[str, Any]:
    """Return the leftovers of the test; with any, a passing test is leaked."""
    facts: dict[str, Any] = {"warnings": list(end["warnings"])} if end["warnings"] else {}
    if not end["left"]:
        return facts
    facts["left"] = list(end["left"])
    if worst["result"] == "passed":
        text = ", ".join(sorted(set(end["left"])))
        cause = {"type": LEAKED, "normal": normalise(text), "place": "", "in_test": True}
        facts |= {OUTCOME: LEAKED, "error": f"left behind: {text}", "cause": cause}
    return facts


def _list_orders(orders: dict[str, Any]) -> dict[str, Any]:
    if "refused" in orders:
        return {"order": f"not asked under other orders: {orders['refused']}"}
    if not orders:
        return {}
    first = orders["first"]
    facts = {UNDER_ORDERS: first.get("result", "passed")}
    if first:
        facts |= {
            "order": f"seed {first['seed']}, {orders['failed']} of {orders['asked']}",
            "order error": f"{first.get('type', '')}: {first.get('message', '')}",
        }
        facts |= {name: first[name] for name in ("traceback", "output") if first.get(name)}
    return facts


def _finish(cell: Cell, outcome: Outcome, reason: str) -> CellFinished:
    return CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, reason=reason))
