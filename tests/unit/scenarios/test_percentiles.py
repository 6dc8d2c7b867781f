"""Percentiles are exact, and only given where the sample can hold them."""

from __future__ import annotations

import pytest

from harness_scenarios.parts.percentiles import PERCENTILES, compute_percentiles, distribute, samples_needed


@pytest.mark.parametrize(("name", "least"), [("p50", 20), ("p90", 100), ("p99", 1000), ("p99.9", 10_000)])
def test_a_percentile_needs_ten_samples_above_it(name, least):
    """With 10 / (1 - p) samples it is given; with one less it is not."""
    assert samples_needed(PERCENTILES[name]) == least
    assert name in compute_percentiles(range(least))
    assert name not in compute_percentiles(range(least - 1))


def test_nearest_rank_takes_a_value_of_the_sample():
    """The rank is the ceiling of p times n, so the value is one that was seen and none is interpolated."""
    samples = [value * 10 for value in range(10_000, 0, -1)]
    expected = {"p50": 50_000, "p90": 90_000, "p99": 99_000, "p99.9": 99_900, "max": 100_000}
    assert expected == compute_percentiles(samples)


def test_ranks_are_not_rounded():
    """The p90 of 101 samples is the 91st: 0.9 in binary must not make it the 92nd or the 90th."""
    assert compute_percentiles(range(1, 102))["p90"] == 91
    assert compute_percentiles(range(1, 111))["p90"] == 99


def test_an_empty_sample_has_no_percentiles():
    """Nothing measured, nothing given."""
    assert compute_percentiles([]) == {}


def test_unanswered_operations_count_as_endless():
    """A failed operation must not make the percentiles of the others look better."""
    assert compute_percentiles(range(1, 91), unanswered=10) == {"p50": 50, "p90": 90}
    assert compute_percentiles(range(1, 90), unanswered=11) == {"p50": 50}
    assert compute_percentiles([], unanswered=100) == {}


def test_a_distribution_keeps_each_value_within_a_sixteenth():
    """Each bucket has its share of larger samples; no sample is lost."""
    samples = [round(1000 * 1.01**n) for n in range(1000)]
    lines = distribute(samples)
    ends = [line["µs"] * 1000 for line in lines]
    assert ends == sorted(set(ends))
    for line, end in zip(lines, ends, strict=True):
        larger = sum(sample > end for sample in samples)
        assert line["one of"] == pytest.approx(len(samples) / max(larger, 1), rel=1e-3)
    for sample in samples:
        end = min(end for end in ends if end >= sample)
        assert end <= sample * (1 + 1 / 16)


def test_unanswered_operations_are_slower_than_any_bucket():
    """One of two is never answered: one of two is slower than the slowest reply."""
    assert distribute([10, 10], unanswered=2) == [{"one of": 2.0, "µs": 0.01}]
    assert distribute([], unanswered=2) == []
