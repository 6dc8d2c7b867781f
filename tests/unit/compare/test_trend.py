"""Steps in a series of figures."""

import random

import pytest

from harness.compare.trend import find_steps


def series(count, step=0, factor=1.1, scatter=0.02, seed=1):
    """Return figures of runs that scatter by 2 %; from a place on they are larger by a factor."""
    source = random.Random(seed)
    return [100 * (factor if step and place >= step else 1) * source.gauss(1, scatter) for place in range(count)]


@pytest.mark.parametrize("step", [5, 10, 16])
@pytest.mark.parametrize("seed", range(4))
def test_a_step_of_ten_percent_is_found_where_it_began(step, seed):
    """In 20 runs that scatter by 2 %."""
    (found,) = find_steps(series(20, step, seed=seed))
    assert abs(found.place - step) <= (1 if seed else 0)
    assert found.ratio == pytest.approx(1.1, abs=0.05)


def test_runs_that_only_scatter_have_no_step():
    """In 30 series at most as many as the level of chance allows."""
    assert sum(bool(find_steps(series(20, seed=seed))) for seed in range(30)) <= 2


def test_several_steps_and_too_few_figures():
    """Each side of a step is searched again; five runs say nothing."""
    stairs = (1, 1.2, 1.5)
    figures = [height * figure for seed, height in enumerate(stairs, 1) for figure in series(12, seed=seed)]
    assert [step.place for step in find_steps(figures)] == [12, 24]
    assert find_steps([1, 1, 1, 2, 2]) == []
    assert find_steps([0.0] * 10) == []
