"""join: operations that only take time, one after another and concurrently, and the wait for all of them.

Question: does waiting for several operations take as long as the longest of them, what does it cost, and what comes
of it when one fails?

Contract: every operation runs to its end, unless another one fails; a join takes not less than its longest operation
and less than all of them one after another; no child outlives the join.

Three operations take 100, 150 and 200 ms times `scale`; any other number of them is spread evenly over the same range.
Overlap is counted, as the number of operations at work at once. Times are judged only by rules that a busy machine
cannot break: every join has to last as long as its longest operation, and the quickest must beat the sum.

With `fails=one` the shortest operation ends in an error. Whether the parent sees it and what becomes of the siblings
differs between runtimes, and all of that is legitimate. Where the error reaches no task, the runtime reports it, and
the harness records an unhandled exception.
"""

from __future__ import annotations

from itertools import accumulate
from time import perf_counter_ns, process_time_ns

from harness.api import (
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    allowed,
    bounded,
    info,
    interesting,
    metric,
    outcomes,
)
from harness_scenarios.parts.timer_race import CLOCK_GRAIN

_SHORTEST_MS, _LONGEST_MS = 100, 200
_JOINS = 5

AS_RAISED = "as it was raised"
IN_A_GROUP = "in an exception group"
NOT_AT_ALL = "not at all"
CANCELLED = "are cancelled"
RUN_ON = "run to their end"
SOME_OF_EACH = "some are cancelled, others had ended"


class OperationFailedError(Exception):
    """Raised by the operation that fails on purpose."""


async def main(runtime: Runtime, probe: Probe) -> None:
    """Run the operations one after another if none fails, then join them several times."""
    lengths = make_lengths(probe.parameters["children"], probe.parameters["scale"])
    if probe.parameters["fails"] == "none":
        await _run_in_sequence(runtime, probe, lengths)
    joins = [_Join(runtime, probe, lengths) for _ in range(_JOINS)]
    for join_ in joins:
        await join_.run()
        join_.report()
    if len(lengths) > 1:
        probe.observe("most operations at once", max(join_.most_at_once() for join_ in joins))
        probe.observe("quickest join, as a share of the sum", min(join_.seconds for join_ in joins) / sum(lengths))


def make_lengths(children: int, scale: float) -> list[float]:
    """Return how many seconds each operation takes, the shortest first.

    Whole milliseconds: a runtime whose clock counts them would round anything else.
    """
    step = (_LONGEST_MS - _SHORTEST_MS) / max(1, children - 1)
    return [max(1, round((_SHORTEST_MS + step * index) * scale)) / 1000 for index in range(children)]


async def _run_in_sequence(runtime: Runtime, probe: Probe, lengths: list[float]) -> None:
    start, start_ns = runtime.now(), perf_counter_ns()
    for seconds in lengths:
        await runtime.sleep(seconds)
        probe.advance()
    probe.observe("one after another", (perf_counter_ns() - start_ns) / 1e6)
    probe.observe("sequences shorter than their sum", int(runtime.now() - start < sum(lengths) - CLOCK_GRAIN))


class _Join:
    """One join. What its operations have done is in lists, to which each appends: that is atomic, also on threads."""

    def __init__(self, runtime: Runtime, probe: Probe, lengths: list[float]) -> None:
        self._runtime = runtime
        self._probe = probe
        self._lengths = lengths
        self._failing = 0 if probe.parameters["fails"] == "one" else None
        self.seconds = 0.0
        """How long it took, by the runtime's clock."""
        self._duration_ns = self._cpu_ns = 0
        self._came = NOT_AT_ALL
        self._changes: list[int] = []
        """1 for each operation that began, -1 for each that is over, however it ended."""
        self._ended: list[int] = []
        self._cancelled: list[int] = []
        self._outliving = 0

    async def run(self) -> None:
        """Start all operations and wait for them."""
        start, start_ns, cpu_ns = self._runtime.now(), perf_counter_ns(), process_time_ns()
        try:
            async with self._runtime.open_task_group() as group:
                for index in range(len(self._lengths)):
                    await group.spawn(self._operate, index)
        except Exception as exc:
            self._came = _name_arrival(exc)
            if self._came == NOT_AT_ALL:
                raise
        self._outliving = sum(self._changes)
        self.seconds = self._runtime.now() - start
        self._duration_ns = perf_counter_ns() - start_ns
        self._cpu_ns = process_time_ns() - cpu_ns

    async def _operate(self, index: int) -> None:
        self._changes.append(1)
        try:
            await self._runtime.sleep(self._lengths[index])
            if index == self._failing:
                raise OperationFailedError
            self._ended.append(index)
        except BaseException as exc:
            if self._runtime.is_cancelled(exc):
                self._cancelled.append(index)
            raise
        finally:
            self._changes.append(-1)
            self._probe.advance()

    def most_at_once(self) -> int:
        """Return how many operations were at work at once, at most."""
        return max(accumulate(self._changes), default=0)

    def report(self) -> None:
        """Observe the quantities that the contract limits, the times, and the fate of an error."""
        observe, lengths = self._probe.observe, self._lengths
        observe("concurrently", self._duration_ns / 1e6)
        observe("CPU per child", self._cpu_ns / 1e3 / len(lengths))
        observe("children that outlived the join", self._outliving)
        if self._failing is None:
            observe("overhead per child", (self._duration_ns / 1e3 - max(lengths) * 1e6) / len(lengths))
            observe("operations that did not end", len(lengths) - len(self._ended))
            observe("joins shorter than their longest operation", int(self.seconds < max(lengths) - CLOCK_GRAIN))
            observe("joins whose operations ended in another order", int(self._ended != sorted(self._ended)))
        else:
            self._report_failure()

    def _report_failure(self) -> None:
        observe, lengths = self._probe.observe, self._lengths
        observe("the error reaches the parent", self._came)
        observe("joins over before the error", int(self.seconds < lengths[0] - CLOCK_GRAIN))
        if len(lengths) > 1:
            observe("siblings of the one that failed", self._name_fate())
            observe("siblings neither ended nor cancelled", len(lengths) - 1 - len(self._ended) - len(self._cancelled))

    def _name_fate(self) -> str:
        if not self._cancelled:
            return RUN_ON
        return SOME_OF_EACH if self._ended else CANCELLED


def _name_arrival(exc: BaseException) -> str:
    if isinstance(exc, OperationFailedError):
        return AS_RAISED
    if isinstance(exc, BaseExceptionGroup) and exc.split(OperationFailedError)[1] is None:
        return IN_A_GROUP
    return NOT_AT_ALL


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "concurrently": metric("ms"),
    "one after another": metric("ms"),
    "CPU per child": metric("µs"),
    # Not a metric: where a runtime's clock counts milliseconds a join may be shorter than its longest operation.
    "overhead per child": info("µs"),
    "most operations at once": bounded(
        at_least=2, reason="tasks of a group run concurrently: while one waits the others begin"
    ),
    "quickest join, as a share of the sum": bounded(
        at_most=0.99, reason="operations that only wait take as long as the longest, not as long as all together"
    ),
    "joins shorter than their longest operation": bounded(
        at_most=0, reason="a group ends after its last task has, and no sleep is short, by the runtime's own clock"
    ),
    "joins over before the error": bounded(
        at_most=0, reason="before the first operation has ended nothing has happened that could end a join"
    ),
    "sequences shorter than their sum": bounded(
        at_most=0, reason="one after another each operation takes its time, by the runtime's own clock"
    ),
    "children that outlived the join": bounded(at_most=0, reason="a group does not end before its tasks have"),
    "operations that did not end": bounded(at_least=0, at_most=0, reason="where none fails each operation ends, once"),
    "siblings neither ended nor cancelled": bounded(
        at_least=0, at_most=0, reason="a task runs to its end, unless it is cancelled; not both, and once"
    ),
    "joins whose operations ended in another order": info(),
    "the error reaches the parent": outcomes(
        {
            AS_RAISED: interesting("the join raises the first error itself; another one has no place"),
            IN_A_GROUP: interesting("the join raises a group of all errors, to be caught with except*"),
            NOT_AT_ALL: interesting(
                "the join ends as if nothing had happened: each task has to be asked", "curio docs"
            ),
        }
    ),
    "siblings of the one that failed": outcomes(
        {
            CANCELLED: interesting("one error ends the join early"),
            RUN_ON: interesting("the join takes as long as if none had failed"),
            SOME_OF_EACH: allowed("on a busy machine an operation may have ended before it could be cancelled"),
        }
    ),
}

_PARAMETERS = (
    Parameter(name="children", default=3, summary="operations that are joined", at_least=1),
    Parameter(
        name="scale",
        default=1.0,
        summary="how long the operations take: from 100 to 200 ms, times this (rounded to whole milliseconds)",
        at_least=0.01,
        at_most=10,
    ),
    Parameter(name="fails", default="none", summary="whether the shortest operation fails", choices=("none", "one")),
)

join = Scenario(
    name="join",
    question="Does a join take as long as its longest operation, and what comes of it when one fails?",
    contract=(
        "Every operation runs to its end, unless another one fails.",
        "A join takes not less than its longest operation, and less than all of them one after another.",
        "No child outlives the join.",
    ),
    ref="harness_scenarios.load.join:join",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="concurrently",
    rows={
        "quick": ({"children": 3, "scale": 0.2},),
        "default": ({"children": 3, "scale": 0.2}, {"children": 30, "scale": 0.05}),
        "thorough": (
            {"children": 3, "scale": 1.0},
            {"children": 3, "scale": 0.2, "fails": "one"},
            {"children": 30, "scale": 0.1},
            {"children": 200, "scale": 0.05},
            {"children": 200, "scale": 0.5, "fails": "one"},
        ),
    },
    timeout=60.0,
    hang_after=10.0,
    summary="wait for several operations that only take time, one after another and concurrently",
    catches=("timer-early", "child-outlives-group", "children-one-by-one", "child-never-starts", "child-runs-twice"),
)
