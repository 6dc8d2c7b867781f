"""How quiet a machine is, by equal pieces of work."""

from __future__ import annotations

import itertools

import pytest

from harness.host.noise import judge_pieces, probe_noise


@pytest.mark.parametrize(
    ("durations", "grade"),
    [
        ([1.0] * 100, "quiet"),
        ([1.0] * 95 + [1.2] * 5, "quiet"),
        ([1.0] * 80 + [1.1] * 20, "fair"),
        ([1.0] * 98 + [4.0] * 2, "fair"),
        ([1.0] * 80 + [1.3] * 20, "noisy"),
        ([1.0] * 95 + [10.0] * 5, "noisy"),
    ],
)
def test_a_grade_of_one_word(durations, grade):
    """Many pieces a little longer, or a few of them much."""
    assert judge_pieces(durations).grade == grade


def test_the_grade_has_its_reasons():
    """How uneven, and how much time went elsewhere."""
    assert judge_pieces([1.0] * 80 + [1.3] * 20).text == "noisy (p90 30 % above the median, 0 % of time lost to stalls)"
    assert judge_pieces([1.0] * 95 + [10.0] * 5).lost == pytest.approx(45 / 145)


def test_a_probe_ends_after_its_time_and_says_how_far_it_is():
    """A clock that jumps 10 ms at each look: equal pieces."""
    clock = itertools.count(0, 10_000_000)
    told = []
    noise = probe_noise(2.0, told.append, lambda: next(clock))
    assert noise.grade == "quiet"
    assert noise.seconds == pytest.approx(2.0, rel=0.2)
    assert told == sorted(told)
    assert 10 <= len(told) <= 20
    assert told[-1] <= 1.0


def test_pieces_that_take_for_ever_are_still_enough_of_them():
    """A quantile of two pieces says nothing."""
    clock = itertools.count(0, 10**9)
    assert probe_noise(0.1, clock_ns=lambda: next(clock)).seconds == pytest.approx(20.0)
