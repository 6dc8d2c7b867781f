"""c: an arm that really takes 5 % longer is called slower, in nearly every run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

from harness.model import RatioSummary, Request, SpeedVerdict

from .bench import Bench
from .part import Effort, PartResult, promise, skip

NAME = "c"
SHARE = 0.05
SCENARIO = "switch"
"""It runs nothing but the slowed operation."""
_FOUND = (SpeedVerdict.SLOWER, SpeedVerdict.SLIGHTLY_SLOWER)
_MOST_MISSED = 0.05
"""Of the runs; of several, one may always be missed."""


def run_slower_arm(bench: Bench, effort: Effort) -> PartResult:
    """Compare the reference with one that spins, once for each seed, until the interval is narrow."""
    title = f"{NAME}  {SCENARIO}: an arm that spins {SHARE:.0%} longer, live, {effort.seeds} seeds"
    if bench.has_threads(SCENARIO):
        return skip(NAME, title, "tasks that are threads have no checkpoint that could be made 5 % longer")
    control = bench.spec(SCENARIO, "slowed", by="0")
    slower = bench.spec(SCENARIO, "slowed", by=f"{SHARE:g}")
    request = Request(backends=(control, slower), scenarios=(SCENARIO,), preset="quick", budget=effort.seconds)
    ratios = []
    for seed in range(1, effort.seeds + 1):
        outcome = bench.run_injected(
            f"{NAME}: an arm that spins {SHARE:.0%} longer, seed {seed} of {effort.seeds}",
            msgspec.structs.replace(request, seed=seed),
        )
        ratios.append(outcome.comparison.rows[0].cells[1].ratio)
    return judge_slower_arm(title, ratios)


def judge_slower_arm(title: str, ratios: Sequence[RatioSummary | None]) -> PartResult:
    """Return whether enough runs found it. A run without a ratio or a verdict missed it."""
    verdicts = [(ratio.verdict if ratio else None) or SpeedVerdict.INCONCLUSIVE for ratio in ratios]
    found = sum(verdict in _FOUND for verdict in verdicts)
    allowed = max(int(_MOST_MISSED * len(verdicts)), 1 if len(verdicts) > 1 else 0)
    seen = [ratio.ratio for ratio in ratios if ratio is not None and ratio.ratio is not None]
    said = f"{SHARE:.0%} slower is found in {found} of {len(verdicts)} live runs"
    return PartResult(
        name=NAME,
        lines=(
            title,
            promise("it is called slower in", f"{found} of {len(verdicts)}", f"at least {len(verdicts) - allowed}"),
            promise("median ratio", f"×{statistics.median(seen):.3f}" if seen else "none", ""),
        ),
        said=said,
        passed=found >= len(verdicts) - allowed,
        figures={"verdicts": [str(verdict) for verdict in verdicts], "ratios": seen},
    )
