"""The search for saturation, fed with what a server of known capacity would show."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness_scenarios.storm.saturation import MOST_STEPS, NARROW_ENOUGH, SaturationSearch, SearchEnd

DEFAULTS = {"base_rate": 100.0, "growth": 1.5, "slowdown": 3.0, "objective": 10.0}


def run_search(p90_of, *, client_keeps=lambda rate: True, fails=lambda rate: 0, **changed):
    """Return the search after it ended, and the steps as (rate, sustained)."""
    search = SaturationSearch(**(DEFAULTS | changed))
    steps = []
    while (rate := search.next_rate) is not None:
        sustained = search.record(p90_of(rate), failed=fails(rate), kept_pace=client_keeps(rate))
        steps.append((rate, sustained))
        assert len(steps) <= MOST_STEPS
    return search, steps


def cliff_at(capacity):
    """Return the p90 of a server that is fast up to its capacity and hopeless above."""
    return lambda rate: 1.0 if rate <= capacity else 1000.0


@pytest.mark.parametrize("capacity", [150, 333, 1000, 7777, 123_456])
def test_the_bracket_holds_the_capacity_and_is_narrow(capacity):
    """Whatever the capacity, it lies between both ends, and they are at most 10 % apart."""
    search, _ = run_search(cliff_at(capacity))
    assert search.end is SearchEnd.FOUND
    assert search.low <= capacity < search.high
    assert search.high - search.low <= NARROW_ENOUGH * search.low
    assert search.highest_sustainable == search.low


def test_the_ramp_grows_by_its_factor_until_two_steps_in_a_row_are_slow():
    """100, 150, 225, 337.5: the last two are slow; then the middle of the good and the first slow one."""
    _, steps = run_search(cliff_at(200))
    assert steps[:5] == [(100, True), (150, True), (225, False), (337.5, False), (187.5, True)]


def test_one_slow_step_is_not_saturation():
    """The machine may have been busy: the ramp goes on, and the slow step leaves no trace in the bracket."""
    hiccup = iter([1.0, 1.0, 500.0])
    search, steps = run_search(lambda rate: next(hiccup, cliff_at(1000)(rate)))
    assert (225, False) in steps
    assert search.low <= 1000 < search.high


def test_one_slow_step_of_the_bisection_is_tried_again():
    """A bisection halves the bracket for good, so that it too needs two in a row."""
    once = iter([500.0])
    search, steps = run_search(lambda rate: next(once, 1.0) if rate == 187.5 else cliff_at(200)(rate))
    assert [sustained for rate, sustained in steps if rate == 187.5] == [False, True]
    assert search.low <= 200 < search.high


def test_tspam_fault_slow_decay_is_compared_with_the_base_step_and_not_with_the_previous_one():
    """Each step is 30 % slower than the one before: never three times the step before, soon three times the base."""
    search, steps = run_search(lambda rate: 5.0 * rate / 100, growth=1.3)
    assert all(later / earlier < 3 for (earlier, _), (later, _) in pairwise(steps))
    assert search.end is SearchEnd.FOUND
    assert search.low <= 300 < search.high


def test_a_multiple_of_next_to_nothing_is_not_slow():
    """Ten times the base and still below the objective."""
    search, _ = run_search(lambda rate: 0.1 if rate == 100 else 1.0, most=1000.0)
    assert search.end is SearchEnd.LEGAL_LIMIT


def test_the_objective_alone_is_not_slow():
    """A host on which the base step is above the objective already: twice that is not three times."""
    search, _ = run_search(lambda rate: 20.0 if rate == 100 else 40.0, most=1000.0)
    assert (search.end, search.limit) == (SearchEnd.LEGAL_LIMIT, 60.0)


def test_both_together_are_slow():
    """Above three times the base and above the objective."""
    search, _ = run_search(lambda rate: 20.0 if rate <= 500 else 60.1, most=100_000.0)
    assert search.end is SearchEnd.FOUND
    assert search.low <= 500 < search.high


def test_tspam_fault_failed_connections_do_not_vanish_one_failure_is_not_sustained():
    """All that were answered were fast, one was not answered: the rate is not sustained."""
    search, _ = run_search(lambda rate: 1.0, fails=lambda rate: int(rate > 400))
    assert search.end is SearchEnd.FOUND
    assert search.low <= 400 < search.high


def test_a_p90_that_falls_on_a_failure_is_slow():
    """It is no number then."""
    search, _ = run_search(lambda rate: 1.0 if rate <= 400 else None)
    assert search.low <= 400 < search.high


@pytest.mark.parametrize("showed", [(None, 0), (1.0, 1)])
def test_a_base_step_that_fails_is_no_base(showed):
    """Without a base there is nothing to compare with."""
    p90, failed = showed
    search, steps = run_search(lambda rate: p90, fails=lambda rate: failed)
    assert (search.end, search.low, search.highest_sustainable, len(steps)) == (SearchEnd.NO_BASE, None, None, 1)


def test_a_generator_that_is_limited_ends_the_ramp_and_no_rate_is_claimed():
    """What the client showed says nothing of the server, but that it is at least as fast as before."""
    search, steps = run_search(lambda rate: 1.0, client_keeps=lambda rate: rate < 200)
    assert (search.end, search.low, search.high) == (SearchEnd.GENERATOR_LIMITED, 150, None)
    assert (search.highest_sustainable, steps[-1]) == (None, (225, False))


def test_a_generator_that_is_limited_in_the_bisection_keeps_the_bracket():
    """The bracket is there and wider than it was to be."""
    search, _ = run_search(cliff_at(200), client_keeps=lambda rate: rate != 187.5)
    assert (search.end, search.low, search.high) == (SearchEnd.GENERATOR_LIMITED, 150, 225)
    assert search.highest_sustainable is None


def test_the_largest_legal_rate_is_tried_and_never_passed():
    """A ramp that reaches it sustained ends there; one that does not is confirmed there and bisected."""
    search, steps = run_search(cliff_at(10_000), most=400.0)
    assert (search.end, search.low, max(rate for rate, _ in steps)) == (SearchEnd.LEGAL_LIMIT, 400, 400)
    search, steps = run_search(cliff_at(300), most=320.0)
    assert [step for step in steps if step[0] == 320] == [(320, False), (320, False)]
    assert search.low <= 300 < search.high == 320


def test_a_search_that_gets_nowhere_gives_up():
    """Growth so small that the capacity is never reached."""
    search, steps = run_search(cliff_at(1e12), growth=1.05)
    assert (search.end, len(steps)) == (SearchEnd.GAVE_UP, MOST_STEPS)
    assert search.highest_sustainable is None
