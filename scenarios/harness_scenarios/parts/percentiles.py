"""Exact nearest-rank percentiles that are only given where the sample is large enough to hold them."""

from __future__ import annotations

from collections.abc import Iterable

PERCENTILES = {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999}
"""Name of each percentile and its share of the sample in thousandths (integers: a rank must not be rounded)."""


def samples_needed(thousandths: int) -> int:
    """Return the least sample size that a percentile needs: 10 / (1 - p), so that ten samples lie above it."""
    return -(-10_000 // (1000 - thousandths))


def compute_percentiles(samples: Iterable[int], *, unanswered: int = 0) -> dict[str, int]:
    """Return the percentiles and the largest of `samples`, by name; those that the sample cannot hold are left out.

    Args:
        samples: Durations, in any unit.
        unanswered: Operations that never ended. They count as longer than any sample, because a sample without
            them looks better the more operations fail; a percentile that falls on one of them is left out, and
            so is the largest.
    """
    ordered = sorted(samples)
    total = len(ordered) + unanswered
    found: dict[str, int] = {}
    for name, thousandths in PERCENTILES.items():
        rank = -(-thousandths * total // 1000)
        if total >= samples_needed(thousandths) and rank <= len(ordered):
            found[name] = ordered[rank - 1]
    if ordered and not unanswered:
        found["max"] = ordered[-1]
    return found
