"""What kind of hang it is follows from facts, by rules."""

import pytest

from harness.api import Resource
from harness.execute.hang.diagnosis import Facts, diagnose, find_cycle
from harness.execute.hang.testimony import Inspection, Running, TaskFacts, ThreadFacts
from harness.execute.procfs import Descriptor

PID = 100
UNREAD = Descriptor(fd=7, what="tcp 127.0.0.1:1 to 127.0.0.1:2", state="established", unread=26)
QUIET = Descriptor(fd=8, what="tcp 127.0.0.1:1", state="listening")
RUNS = Running(place="s.py:9 in spin", innermost="s.py:9 in spin")


def task(name="reader", waits_for="event", **more):
    return TaskFacts(name=name, place=f"s.py:1 in {name}", waits_for=waits_for, **more)


def facts(seen=None, **more):
    return Facts(**{"pid": PID, "busy": (), "inspection": seen, "descriptors": (), "children": ()} | more)


def inspection(*tasks, **more):
    return Inspection(**{"look": 2, "seconds": 0.3, "cpu": 0.2, "tasks": tasks} | more)


HOLDER = task("a", "lock", holds=(Resource(1, "first"),), on=Resource(2, "Lock"))
OTHER = task("b", "lock", holds=(Resource(2, "second"),), on=Resource(1, "Lock"))
ENDED = ThreadFacts(name="caller", native=7, place="s.py:3 in ask", is_idle=False, waits_for_ended=True)
ALONE = task("c", "lock", holds=(Resource(3, "own"),), on=Resource(3, "Lock"))
IDLE = ThreadFacts(name="pool", native=7, place="thread.py:81 in _worker", is_idle=True)
WORKS = ThreadFacts(name="pool", native=7, place="s.py:3 in work", is_idle=False)
WAITS = ThreadFacts(name="pool", native=7, place="threading.py:327 in Condition.wait", is_idle=True)


@pytest.mark.parametrize(
    ("given", "diagnosis", "reason"),
    [
        (facts(inspection(HOLDER, OTHER)), "lock-order cycle", "a holds first and waits for second in s.py:1 in a"),
        (facts(inspection(ALONE, task())), "self-deadlock", "c holds own and waits for own in s.py:1 in c"),
        (facts(inspection(HOLDER, OTHER), busy=(PID,)), "lock-order cycle", "b holds second and waits for first"),
        (facts(inspection(task(), task("x", "tasks"))), "deadlock", "reader waits for event in s.py:1 in reader"),
        (facts(inspection(task("r", "read")), descriptors=(QUIET, UNREAD)), "lost wake-up", "26 bytes unread"),
        (facts(inspection(task("t", "thread"))), "lost wake-up", "t waits for thread in s.py:1 in t"),
        (facts(inspection(task("t", "thread"), threads=(IDLE,))), "lost wake-up", "a job that has ended"),
        (facts(inspection(task("s", "timer", overdue=2.0))), "lost wake-up", "its time was over 2.0 s ago"),
        (facts(inspection(task("m", "child")), children=("9 python",)), "waiting for a child", "child 9 python lives"),
        (
            facts(inspection(task("m", "child")), pipes=("fd 9 pipe, also open in 7 sleep",)),
            "waiting for a child",
            "7 sleep",
        ),
        (facts(inspection(task("m", "child")), zombies=("9 sh",)), "waiting for a child", "9 sh has ended"),
        (facts(inspection(task(), threads=(ENDED,))), "ended scheduler", "thread caller waits for it in s.py:3 in ask"),
        (facts(inspection(running=RUNS, threads=(ENDED,))), "ended scheduler", "makes no call any more"),
        (facts(inspection(running=RUNS)), "blocked scheduler", "the scheduler is in s.py:9 in spin"),
        (facts(inspection(running=RUNS), busy=(PID,)), "blocked scheduler", "one call takes CPU time"),
        (facts(inspection(task(), running=RUNS, calls={"s.py:4": 9}), busy=(PID,)), "starvation", "never runs: reader"),
        (facts(inspection(turns={"s.py:4 in walk": 70}), busy=(PID,)), "livelock", "70 turns in s.py:4 in walk"),
        (facts(busy=(PID,), frames=("s.py:1",)), "blocked scheduler", "innermost frame: s.py:1"),
        (facts(busy=(101,), frames=("m.py:1", "t.py:2")), "starvation", "other thread: t.py:2"),
    ],
)
def test_what_the_facts_prove(given, diagnosis, reason):
    """Each diagnosis says why."""
    found, reasons = diagnose(given)
    assert found == diagnosis
    assert any(reason in line for line in reasons), reasons


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(facts(inspection(task(), timers=1)), id="a timer is still to come"),
        pytest.param(facts(inspection(task(), timers=-1)), id="no one can tell whether a timer is to come"),
        pytest.param(facts(inspection(task()), descriptors=(QUIET,)), id="a connection may come"),
        pytest.param(facts(inspection(task()), children=("9 python",)), id="a child may answer"),
        pytest.param(facts(inspection(task(), task("t", "thread"), threads=(WORKS,))), id="a thread has a job"),
        pytest.param(facts(inspection(task("t", "thread"), threads=(WAITS,))), id="a job may be a wait of the library"),
        pytest.param(facts(inspection(task("t", "thread")), busy=(PID,)), id="a job may end as it computes"),
        pytest.param(
            facts(inspection(task(), threads=(ThreadFacts(name="x", native=7, place="x.py:1", is_idle=False),))),
            id="a thread that is nobody's",
        ),
        pytest.param(facts(inspection(task(), task("u", ""))), id="one wait cannot be told"),
        pytest.param(facts(inspection(task(), turns={"s.py:4": 3})), id="something turns now and then"),
        pytest.param(facts(inspection(task("r", "read")), descriptors=(QUIET,)), id="nothing to read"),
        pytest.param(facts(inspection(task("l", "lock")), descriptors=(UNREAD,)), id="nobody would read it"),
        pytest.param(facts(inspection(running=RUNS, cpu=0.01), busy=(PID,)), id="others had the CPU"),
        pytest.param(facts(busy=(PID,), has_started=False), id="it is still being imported"),
        pytest.param(facts(busy=(PID,), tasks_are_threads=True, frames=("s.py:1",)), id="the only thread computes"),
        pytest.param(facts(frames=("s.py:1",)), id="idle and silent"),
        pytest.param(facts(inspection()), id="no tasks"),
    ],
)
def test_what_nothing_proves_is_unknown(given):
    """Whatever it looks like; the reasons say what is seen."""
    found, reasons = diagnose(given)
    assert found == "unknown"
    assert reasons


def test_a_chain_of_locks_without_an_end_is_no_cycle():
    """The last holder runs on."""
    last = task("z", "timer", holds=(Resource(1, "first"),))
    assert find_cycle((task("y", "lock", on=Resource(1, "Lock"), holds=(Resource(5, "other"),)), last)) == []


def test_a_cycle_of_three_is_found_from_outside():
    """Who waits for a lock of the cycle and is not in it is left out."""
    ring = [task(str(n), "lock", holds=(Resource(n, str(n)),), on=Resource((n + 1) % 3, "Lock")) for n in range(3)]
    outside = task("outside", "lock", on=Resource(0, "Lock"))
    assert {found.name for found in find_cycle((outside, *ring))} == {"0", "1", "2"}


def test_a_loop_that_wakes_by_itself_is_not_shown_to_be_deadlocked():
    """What wakes it may wake a task; that is said instead."""
    waiting = inspection(task(), task("x", "tasks"))
    assert diagnose(facts(waiting))[0] == "deadlock"
    found, reasons = diagnose(facts(waiting, wakes=240))
    assert found == "unknown"
    assert "its main thread woke 240 times within a quarter of a second, and no task ran" in reasons
