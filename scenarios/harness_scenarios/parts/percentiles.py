"""Exact nearest-rank percentiles that are only given where the sample is large enough to hold them.

Beside them the whole distribution, in the buckets of HdrHistogram: sixteen for each power of two, so that each value
is known within 6.25 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.api import Chart

PERCENTILES = {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999}
"""Name of each percentile and its share of the sample in thousandths (integers: a rank must not be rounded)."""


_BUCKET_BITS = 4
"""Buckets for each power of two, as a power of two."""
_ONE_IN, _VALUE = "one of", "µs"
"""Columns of a distribution: one of so many samples is larger than so many microseconds."""


def distribution_chart(latency: str) -> Chart:
    """Return the chart of a distribution that is observed as `"LATENCY distribution"`."""
    return Chart(
        key=f"{latency} distribution",
        x=_ONE_IN,
        y=_VALUE,
        y_unit="µs",
        title=f"distribution of {latency}",
        x_label="one of so many is slower",
        is_distribution=True,
    )


def distribute(samples_ns: Iterable[int], *, unanswered: int = 0) -> list[dict[str, float]]:
    """Return the whole distribution of durations, as lines of a table: the upper ends of all buckets that have some.

    Args:
        samples_ns: Durations.
        unanswered: Operations that never ended. They count as longer than any sample.
    """
    counts = Counter(map(_upper_end, samples_ns))
    left = counts.total() + unanswered
    total, lines = left, []
    for end in sorted(counts):
        left -= counts[end]
        lines.append({_ONE_IN: round(total / max(left, 1), 3), _VALUE: end / 1000})
    return lines


def _upper_end(value: int) -> int:
    shift = max(value.bit_length() - _BUCKET_BITS - 1, 0)
    return (((value >> shift) + 1) << shift) - 1 if shift else value


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
