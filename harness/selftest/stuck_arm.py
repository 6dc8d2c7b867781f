"""e: an arm that never returns is reported soon after its time-out, and costs no other arm a round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from harness.model import (
    TRIAL_ROUND,
    CellFinished,
    CellObserved,
    CellRecord,
    CellStarted,
    Outcome,
    Request,
    Run,
    RunEvent,
)

from .bench import Bench
from .part import Effort, PartResult, promise

NAME = "e"
SCENARIO = "switch"
HANG_AFTER = 2.0
"""Seconds without progress; a healthy cell starts and advances within a fraction of it."""
GRACE = 1.0
"""Seconds more after which it is reported at the latest: its stacks are taken, and its processes are ended."""
_ENDED = (Outcome.HUNG, Outcome.NOT_RUN)
"""An arm that hangs again and again need not be run in every round."""


class SilenceClock:
    """How long each cell was silent before its end was reported, in seconds: from its last observation."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}
        self.silent: dict[str, float] = {}

    def __call__(self, event: RunEvent) -> None:
        """Note when an event came."""
        match event:
            case CellStarted(cell_id=cell_id) | CellObserved(cell_id=cell_id):
                self._heard[cell_id] = self._clock()
            case CellFinished(result=result) if result.cell_id in self._heard:
                self.silent[result.cell_id] = self._clock() - self._heard[result.cell_id]


def run_stuck_arm(bench: Bench, effort: Effort) -> PartResult:
    """Run the reference beside an arm that waits for ever and one that spins for ever."""
    title = f"{NAME}  {SCENARIO}: arms that never return, {effort.stuck_rounds} rounds, time-out {HANG_AFTER:g} s"
    stuck = tuple(bench.spec(SCENARIO, "stuck", how=how) for how in ("waits", "spins"))
    backends = (str(bench.reference(SCENARIO)), *stuck)
    request = Request(backends=backends, scenarios=(SCENARIO,), preset="quick", rounds=effort.stuck_rounds)
    clock = SilenceClock()
    title_now = f"{NAME}: two arms that never return"
    outcome = bench.run_injected(title_now, request, hang_after=HANG_AFTER, on_event=clock)
    return judge_stuck_arm(title, outcome.run, stuck, clock.silent, effort.stuck_rounds)


def judge_stuck_arm(title: str, run: Run, stuck: Sequence[str], silent: Mapping[str, float], rounds: int) -> PartResult:
    """Return whether the stuck cells were reported as hung in time, and all others completed in each round.

    Args:
        title: of the part.
        run: as it was stored.
        stuck: labels of the arms that never return.
        silent: by cell, how many seconds after its last observation its end was reported.
        rounds: that were planned.
    """
    hung = [record for record in run.records if record.cell.label in stuck]
    rounds_run = [record for record in run.records if record.cell.round != TRIAL_ROUND]
    others = [record for record in rounds_run if record.cell.label not in stuck]
    reported = [record for record in hung if record.result.outcome is Outcome.HUNG]
    after = max((silent[record.cell.id] for record in reported), default=0.0)
    lost = len(_arms(others)) * rounds - sum(record.result.outcome is Outcome.COMPLETED for record in others)
    named = {record.cell.label for record in reported}
    is_reported = named == set(stuck) and all(record.result.outcome in _ENDED for record in hung)
    return PartResult(
        name=NAME,
        lines=(
            title,
            promise("stuck arms reported as hung", f"{len(named)} of {len(stuck)}", "all"),
            promise("the slowest report came after", f"{after:.1f} s", f"at most {HANG_AFTER + GRACE:g} s"),
            promise("rounds that other arms lost", str(lost), "none"),
        ),
        said=f"a hang is reported {after - HANG_AFTER:.1f} s after its time-out and costs others {lost} rounds",
        passed=is_reported and after <= HANG_AFTER + GRACE and lost == 0,
        figures={"reported after s": after, "hung": len(reported), "rounds lost": lost},
    )


def _arms(records: Sequence[CellRecord]) -> set[tuple[str, bool]]:
    return {(record.cell.label, record.cell.alias) for record in records}
