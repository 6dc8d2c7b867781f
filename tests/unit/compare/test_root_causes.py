"""Findings with one cause are one root cause; the worst comes first."""

import msgspec
import pytest

from harness.api import Harm, bounded, forbidden, info, outcomes
from harness.compare import compare
from harness.model import Attestation, Basis, Outcome, Step

from .run_builder import a_run, cell, error, steps, unhandled

STUCK, OPEN, OTHER = "never ends", "the reply, then stays open", "something else"
TAKEN, REFUSED = "the port is taken", "the call is refused"
JUDGES = {
    "answer": outcomes(
        {
            STUCK: forbidden("the wait goes on", harm=Harm.HANG),
            OPEN: forbidden("never closed", harm=Harm.LEAK, symptom="a socket stays open"),
            OTHER: forbidden("no reason to do so"),
            TAKEN: forbidden("it was closed", symptom="an address stays taken", follows_from="a socket stays open"),
            REFUSED: forbidden("it is allowed", harm=Harm.ERROR, follows_from="an address stays taken"),
        }
    ),
    "lost": bounded(at_most=0, harm=Harm.DATA, symptom="items are lost"),
    "raised": info(),
}


def causes_of(*records):
    return compare(a_run(*records, judges=JUDGES, headline="answer")).root_causes


def titles(causes):
    return [(str(cause.harm), cause.title, len(cause.rows)) for cause in causes]


def reset(scenario, **actors):
    return cell("loop", Outcome.COMPLETED, *steps(**actors), scenario=scenario, observed={"answer": STUCK})


def test_waits_that_the_same_step_should_have_ended_are_one_cause():
    """Whatever it was that waited: the last step of another actor tells what was not noticed."""
    read = [
        Step(role="main", actor="reader", what="reads", at=0.1),
        Step(role="main", actor="peer", what="resets", at=0.2),
    ]
    send = [
        Step(role="main", actor="sender", what="sends", at=0.1),
        Step(role="main", actor="peer", what="resets", at=0.2),
    ]
    late = [*read, Step(role="main", actor="reader", what="reads again", at=0.3)]
    records = [
        cell("loop", Outcome.COMPLETED, *facts, scenario=name, observed={"answer": STUCK})
        for name, facts in (("read", read), ("send", send), ("late", late))
    ]
    (cause,) = causes_of(*records)
    assert titles([cause]) == [("hang", "a wait goes on after: peer resets", 3)]
    assert cause.basis is Basis.WAIT


def test_what_is_left_behind_and_what_its_peer_sees_have_one_name():
    """The numbers of descriptors and inodes are others each time."""
    leak = cell("loop", scenario="one", leaks=("fd 7 socket:[123]", "fd 9 socket:[456]"), observed={"answer": []})
    seen = cell("loop", scenario="two", observed={"answer": OPEN})
    assert titles(causes_of(leak, seen)) == [("leak", "a socket stays open", 2)]
    pipe = cell("loop", scenario="three", leaks=("fd 7 pipe:[1]",), observed={"answer": []})
    assert [cause.title for cause in causes_of(pipe)] == ["a pipe stays open"]


def answers(backend, **by_scenario):
    return [cell(backend, scenario=name, observed={"answer": answer}) for name, answer in by_scenario.items()]


def test_what_follows_from_a_symptom_of_the_same_backend_is_below_it():
    """It is no cause of its own, and stays visible; the rows that show the cause itself are first."""
    (cause,) = causes_of(*answers("loop", a=TAKEN, b=OPEN, c=TAKEN))
    assert titles([cause]) == [("leak", "a socket stays open", 3)]
    assert cause.symptoms == ("an address stays taken",)
    assert [row.scenario for row in cause.rows] == ["b", "a", "c"]
    assert len(cause.findings) == 3


def test_what_follows_from_a_symptom_that_is_not_there_is_a_cause():
    """Another backend's symptom brings nothing about here."""
    own = answers("loop", a=TAKEN, b=[])
    assert titles(causes_of(*own)) == [("wrong answer", "an address stays taken", 1)]
    found = causes_of(*own, *answers("other", b=OPEN, a=[]))
    assert [(cause.title, cause.symptoms) for cause in found] == [
        ("a socket stays open", ()),
        ("an address stays taken", ()),
    ]


def test_symptoms_may_follow_from_each_other():
    """What has no name of its own is named by its question; the cause at the start of the chain is the only one."""
    (cause,) = causes_of(*answers("loop", a=REFUSED, b=TAKEN, c=OPEN))
    assert cause.title == "a socket stays open"
    assert cause.symptoms == ("an address stays taken", "a: it is allowed")


def test_descriptors_of_a_scheduler_are_no_sockets():
    """A loop waits with these descriptors; they stay open if it is not closed."""
    leaks = ("fd 3 anon_inode:[eventpoll]", "fd 4 anon_inode:[eventfd]")
    seen = causes_of(cell("loop", leaks=leaks, observed={"answer": []}))
    assert [cause.title for cause in seen] == ["a scheduler that has ended keeps its descriptors"]


def test_exceptions_with_one_innermost_frame_in_the_runtime_are_one_cause():
    """The frames of the scenario around it differ, and those of other packages below it."""

    def record(scenario, function):
        frames = (
            f'  File "s.py", line 1, in {scenario}\n  File "/site-packages/loop/server.py", line 9, in {function}\n'
        )
        raised = msgspec.structs.replace(
            error("OSError", "[Errno 98] taken"), traceback=f'{frames}  File "socket.py", line 3, in bind\n'
        )
        result = cell("loop", Outcome.RAISED, scenario=scenario, error=raised)
        role = msgspec.structs.replace(
            result.result.roles[0],
            attestation=Attestation(
                scheduler="loop.Loop", expected="loop.*", python="3.11.7", implementation="cpython", gil=True
            ),
        )
        return msgspec.structs.replace(result, result=msgspec.structs.replace(result.result, roles=(role,)))

    causes = causes_of(record("one", "start"), record("two", "start"), record("three", "stop"))
    assert titles(causes) == [
        ("crash", "OSError(98) in loop/server.py start", 2),
        ("crash", "OSError(98) in loop/server.py stop", 1),
    ]


def test_an_exit_that_is_reported_explains_everything_that_the_cell_shows():
    """The hang behind it is no cause of its own."""
    exits = unhandled("SystemExit", "3")
    hung = cell("loop", Outcome.HUNG, scenario="one", unhandled=(exits,))
    interrupted = cell(
        "loop", scenario="two", unhandled=(unhandled("KeyboardInterrupt", ""),), observed={"answer": OTHER}
    )
    (cause,) = causes_of(hung, interrupted)
    assert titles([cause]) == [("hang", "the program does not end", 2)]


def test_the_worst_comes_first_and_known_findings_are_none():
    """By harm, then by the number of rows; an answer without a symptom is a cause of its own question."""
    lost = cell("loop", scenario="c", observed={"lost": 2})
    odd = [cell("loop", scenario=name, observed={"answer": OTHER}) for name in "ab"]
    causes = causes_of(*odd, lost)
    assert titles(causes) == [
        ("data lost or mixed", "items are lost", 1),
        ("wrong answer", "no reason to do so", 1),
        ("wrong answer", "no reason to do so", 1),
    ]
    assert [cause.rows[0].scenario for cause in causes] == ["c", "a", "b"]
    assert causes_of(cell("loop", observed={"lost": 0})) == ()


@pytest.mark.parametrize("number", range(len(Harm)))
def test_harms_are_in_order(number):
    """From lost data to time: the order of the enumeration is what reports are sorted by."""
    order = ["data lost or mixed", "hang", "server dead", "crash", "leak", "wrong answer", "wrong error", "time"]
    assert list(Harm)[number] == order[number]
