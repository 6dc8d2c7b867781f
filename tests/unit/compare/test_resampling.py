"""The procedure, replayed on figures whose truth is known."""

import math
import random
import sys

import msgspec
import pytest

from harness.compare import intervals
from harness.compare.resampling import SelfTest, replay


def figures(count=180, drift=0.0, spread=0.01, seed=1):
    """Return figures of identical processes; `drift` is how much slower the machine gets over all of them."""
    source = random.Random(seed)
    return [1e3 * math.exp(drift * number / count + source.gauss(0, spread)) for number in range(count)]


def test_identical_processes_are_seldom_called_different():
    """And the interval holds the truth, as it promises."""
    result = replay(figures(), replays=400)
    assert result.passed
    assert result.false_positives <= 0.05
    assert result.covered >= 0.94
    assert (result.processes, result.replays) == (180, 400)


def test_intervals_that_are_too_narrow_are_caught(monkeypatch):
    """A procedure that promises 95 % and keeps 50 % does not pass."""
    honest = intervals.estimate_median
    monkeypatch.setattr(intervals, "estimate_median", lambda sample, _: honest(sample, 0.5))
    assert not replay(figures(), replays=200).passed


def test_a_drift_of_the_machine_deceives_blocks_and_not_rounds():
    """The machine gets a third slower meanwhile: one side after the other sees a difference nearly always."""
    pytest.importorskip("scipy")
    result = replay(figures(drift=0.3), replays=200)
    assert result.false_positives_blocked > 0.9
    assert result.passed
    assert replay(figures(), replays=200).false_positives_blocked < 0.3


def test_larger_differences_are_found_more_often():
    """Five per cent with a scatter of one are found in nearly every replay."""
    found = replay(figures(), replays=200).found
    assert list(found) == ["2 %", "5 %", "10 %"]
    assert found["2 %"] <= found["5 %"] <= found["10 %"]
    assert found["5 %"] >= 0.95


def test_narrow_intervals_take_few_rounds():
    """Whoever scatters more is looked at for longer."""
    assert replay(figures(spread=0.001), replays=50).rounds == 10
    assert replay(figures(spread=0.2), replays=50).rounds == 60


def test_it_is_repeatable():
    """The same figures and the same seed give the same result."""
    assert replay(figures(), replays=20, seed=3) == replay(figures(), replays=20, seed=3)


@pytest.mark.parametrize(
    ("false", "covered", "found", "passed"),
    [(0.075, 0.93, 0.95, True), (0.08, 0.99, 1.0, False), (0.01, 0.92, 1.0, False), (0.01, 0.99, 0.94, False)],
)
def test_what_passes(false, covered, found, passed):
    """Few false alarms, intervals that hold, and a difference of 5 % is found."""
    result = SelfTest(
        processes=1,
        replays=1,
        false_positives=false,
        covered=covered,
        rounds=10,
        found={"2 %": 0.1, "5 %": found},
    )
    assert result.passed is passed
    assert msgspec.structs.replace(result, least_found=0.0).passed is (passed or found < 0.95)


@pytest.mark.parametrize("values", [[1.0] * 20, [1.0] * 100 + [0.0]])
def test_figures_that_prove_nothing(values):
    """Too few of them, or one without a logarithm."""
    with pytest.raises(ValueError, match="cannot replay"):
        replay(values, replays=10)


def test_without_a_library_for_it_the_t_test_is_left_out(monkeypatch):
    """Everything else is there."""
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    result = replay(figures(), replays=20)
    assert result.false_positives_blocked is None
    assert result.processes == 180


def test_figures_without_scatter_have_no_t():
    """Two sides that are all alike are not called different; two that differ and do not scatter are, where they do."""
    pytest.importorskip("scipy")
    assert replay([1e3] * 180, replays=20).false_positives_blocked == 0
    stepped = replay([1e3] * 90 + [2e3] * 90, replays=200).false_positives_blocked
    assert 0 < stepped < 1
