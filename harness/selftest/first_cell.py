"""f: cells that are slower when they run first in their round make no difference between arms."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from harness.model import OrderEffect, Request, RowSummary, SelfCheck, SpeedVerdict

from .bench import Bench
from .part import Effort, PartResult, promise, skip

NAME = "f"
SCENARIO = "switch"
SHARE = 0.25
"""How much slower: as much as a program that was compared with itself in a fixed order (MEASUREMENT)."""
LEAST_EFFECT = 1 + SHARE / 2
"""Without an effect it would be no test."""
_SAME = (f"{SHARE:.2f}", f"{SHARE:.3f}")
_ROUNDS = 15
_NO_DIFFERENCE = (SpeedVerdict.EQUIVALENT, SpeedVerdict.INCONCLUSIVE)
_EFFECT = "first of its round"


def run_first_cell(bench: Bench, effort: Effort) -> PartResult:
    """Compare identical arms whose cells take longer if they run first, once for each seed."""
    title = f"{NAME}  {SCENARIO}: whichever cell runs first in its round takes {SHARE:.0%} longer, {_ROUNDS} rounds"
    if bench.has_threads(SCENARIO):
        return skip(NAME, title, "tasks that are threads have no checkpoint that could be made longer")
    rows, checks = [], []
    for seed in range(1, effort.order_seeds + 1):
        with tempfile.TemporaryDirectory(prefix="harness-marks-") as marks:
            # The same code twice; only the label differs.
            backends = tuple(bench.spec(SCENARIO, "slowed", by=by, marks=marks) for by in _SAME)
            request = Request(backends=backends, scenarios=(SCENARIO,), preset="quick", rounds=_ROUNDS, seed=seed)
            said = f"{NAME}: cells that are slower when they run first, seed {seed} of {effort.order_seeds}"
            comparison = bench.run_injected(said, request).comparison
        rows.append(comparison.rows[0])
        checks.append(comparison.self_check)
    return judge_first_cell(title, rows, checks)


def judge_first_cell(title: str, rows: Sequence[RowSummary], checks: Sequence[SelfCheck | None]) -> PartResult:
    """Return whether no run called the arms different, although first cells were slower in each."""
    ratios = [row.cells[1].ratio for row in rows]
    verdicts = [ratio.verdict if ratio else None for ratio in ratios]
    different = sum(verdict not in _NO_DIFFERENCE for verdict in verdicts)
    factors = [effect.ratio for check in checks if (effect := _effect(check)) is not None]
    least = min(factors) if len(factors) == len(rows) else 1.0
    return PartResult(
        name=NAME,
        lines=(
            title,
            promise("arms are called different in", f"{different} of {len(rows)}", "none"),
            promise(
                "first cells are slower by at least", f"×{least:.2f}", f"at least ×{LEAST_EFFECT:.2f}: it is there"
            ),
        ),
        said=f"slower first cells make {'no difference' if not different else 'a difference'}",
        passed=different == 0 and least >= LEAST_EFFECT,
        figures={"verdicts": [str(verdict) for verdict in verdicts], "effects": factors},
    )


def _effect(check: SelfCheck | None) -> OrderEffect | None:
    return next((effect for effect in check.effects if effect.name == _EFFECT), None) if check else None
