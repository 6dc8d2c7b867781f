"""Since when a task waits: an interval whose two ends are facts."""

import pytest

from harness.api import Resource
from harness.execute.hang.testimony import Inspection, TaskFacts
from harness.execute.hang.waits import describe_last_seen, describe_waits
from harness.model import LastSeen, Observed, Step

STEP = LastSeen(actor="left", what="asks", at=0.12)


def line_of(*last_seen, **facts):
    """Return the line of one task after its place."""
    task = TaskFacts(name="left", place="a.py:3 in left", waits_for="event", **facts)
    (line,) = describe_waits(Inspection(look=2, tasks=(task,)), last_seen)
    return line.removeprefix("left waits for event in a.py:3 in left").removeprefix(", ")


@pytest.mark.parametrize(
    ("last_seen", "facts", "expected"),
    [
        ((), {}, ""),
        ((), {"seen_at": 2.1}, "since before 2.10 s"),
        ((STEP,), {"seen_at": 2.1}, "since after 0.12 s (its last step: asks) and before 2.10 s"),
        (
            (),
            {"seen_at": 2.5, "elsewhere_at": 2.1},
            "since after 2.10 s (then it was in another wait) and before 2.50 s",
        ),
        (
            (STEP,),
            {"seen_at": 2.5, "elsewhere_at": 2.1},
            "since after 2.10 s (then it was in another wait) and before 2.50 s",
        ),
    ],
)
def test_what_bounds_the_begin(last_seen, facts, expected):
    """The later of last step and look elsewhere, and the first look that saw the wait."""
    assert line_of(*last_seen, **facts) == expected


def test_a_step_that_cannot_be_the_tasks_bounds_nothing():
    """One after the wait was seen, one of another actor, one of several tasks of a name, and an observation."""
    late, other = LastSeen(actor="left", what="asks", at=3.0), LastSeen(actor="right", what="asks", at=0.1)
    for last_seen in (late, other, LastSeen(what="left: 1", at=0.1)):
        assert line_of(last_seen, seen_at=2.1) == "since before 2.10 s"
    twice = (TaskFacts(name="left", place="a", seen_at=2.1),) * 2
    assert [line.partition(", ")[2] for line in describe_waits(Inspection(look=1, tasks=twice), (STEP,))] == [
        "since before 2.10 s"
    ] * 2


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"overdue": 1.7}, "due 1.7 s ago"),
        ({"overdue": -3.2}, "its time is in 3.2 s"),
        ({"time_left": 298.0}, "its time-out is in 298.0 s"),
        ({"time_left": -2.0}, "its time-out was 2.0 s ago"),
    ],
)
def test_how_long_it_may_last(facts, expected):
    """Where the task says when it sleeps until, or its time-out is known."""
    assert line_of(**facts) == expected


def test_the_locks_that_it_holds_are_named():
    """As the source calls them."""
    assert line_of(holds=(Resource(id=1, label="first"), Resource(id=2, label="second"))) == "holds first, second"


def test_what_it_waits_for_is_named_where_that_says_more_than_its_kind():
    """The class `Event` says no more than "event"; the name of a task that is joined does."""
    assert line_of(on=Resource(id=1, label="Event")) == ""
    assert line_of(on=Resource(id=1, label="child-1")) == "on child-1"


def test_the_runtimes_own_tasks_are_left_out():
    """They wait for something for ever, and nobody asked."""
    assert describe_waits(Inspection(look=1, tasks=(TaskFacts(name="init", place="a", is_internal=True),)), ()) == []


def test_what_was_said_last_is_in_order_and_short():
    """A step under its actor, an observation under none."""
    messages = (
        Step(role="main", actor="b", what="x" * 100, at=0.3),
        Observed(role="main", key="items", value=3, at=0.2),
    )
    first, second = describe_last_seen(messages)
    assert first == LastSeen(what="items: 3", at=0.2)
    assert (str(first), str(second)) == ("observed items: 3 at 0.200 s", f"b: {'x' * 79}… at 0.300 s")
