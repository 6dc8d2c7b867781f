"""A schedule is a function of its name."""

from itertools import pairwise

import pytest

from harness.explore.schedules import Deviations, enumerate_deviations, list_schedules, make_schedule

NAMES = ["native 3", "shuffle 3", "shuffle 4", "pct 3", "deviations 0=1.2=2"]


def _decisions(name):
    schedule = make_schedule(name)
    tasks = [object() for _ in range(4)]
    return [schedule.pick(tasks[: 2 + step % 3]) for step in range(30)]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_makes_the_same_decisions_again(name):
    """A finding is replayed by the name of its schedule."""
    assert make_schedule(name).name == name
    if not name.startswith("pct"):  # decides by task, so that each run has tasks of its own
        assert _decisions(name) == _decisions(name)


def test_pct_keeps_to_its_priorities():
    """The task with the highest priority runs on until a change point, whatever else is ready."""
    schedule = make_schedule("pct 11")
    tasks = [object() for _ in range(5)]
    picked = [tasks[schedule.pick(tasks)] for _ in range(60)]
    changes = sum(one is not other for one, other in pairwise(picked))
    assert 0 < changes <= 2


def test_each_deviation_is_enumerated_once():
    """With at most two deviations of a run with three decisions: every choice, no choice twice."""
    found = list(enumerate_deviations([2, 1, 3]))
    assert found == [{0: 1}, {2: 1}, {2: 2}, {0: 1, 2: 1}, {0: 1, 2: 2}]
    assert len(list(enumerate_deviations([4] * 5, most=1))) == 15


def test_deviations_count_the_decisions_of_a_run():
    """A native run says where another choice was possible."""
    schedule = Deviations({1: 1})
    assert [schedule.pick([0] * count) for count in (2, 3, 2)] == [0, 1, 0]
    assert schedule.ready_counts == [2, 3, 2]


def test_a_program_is_run_in_different_orders():
    """The first is native; the same number always has the same ones."""
    names = list_schedules(5, 4)
    assert [name.split()[0] for name in names] == ["native", "shuffle", "pct", "shuffle"]
    assert names == list_schedules(5, 4)
    assert not set(names) & set(list_schedules(6, 4))


def test_an_unknown_schedule_is_refused():
    """A journal of a later version may name one."""
    with pytest.raises(ValueError, match="unknown schedule 'random 1'"):
        make_schedule("random 1")
