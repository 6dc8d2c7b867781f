"""Tests of a suite that differ, by cause."""

import pytest
from msgspec.structs import replace

from harness.compare import find_doubtful, list_failed, summarise_suite
from harness.compare.suites import CONFIRMED_MOST, CauseKind
from harness.model import Outcome, Request, Suite
from tests.unit.compare.run_builder import a_run, cell

CAUSE = {"type": "OSError", "normal": "[Errno N] gone", "place": "loop.py:connect", "in_test": False}


def suite_run(*records, rounds=1, targets=("t.py",)):
    """Return the run of a suite."""
    run = a_run(*records)
    files = dict.fromkeys((record.cell.scenario for record in records), "t.py")
    request = Request(rounds=rounds, suite=Suite(runner="pytest", targets=targets, files=files))
    return replace(run, started=replace(run.started, request=request))


def a_test(name, backend, result="passed", number=1, cause=None, **facts):
    """Return a record of a test."""
    observed = {"outcome": result, "error": f"OSError: {name}"} | ({"cause": cause} if cause else {}) | facts
    return cell(backend, scenario=name, round=number, observed=observed, holds=None)


def pair(name, result, cause=CAUSE, number=1, usual="passed"):
    """Return a test on the reference and on another loop."""
    return a_test(name, "asyncio", usual, number), a_test(name, "fast", result, number, cause)


def test_what_agrees_is_counted_and_what_is_broken_on_all_is_named():
    """Neither is a finding."""
    found = summarise_suite(suite_run(*pair("a", "passed"), *pair("b", "failed", usual="failed")))
    assert (found.tests, found.agree, found.broken, found.causes) == (2, 2, ("b",), ())


def test_failures_of_one_cause_are_one_cause():
    """By exception, normalised message and innermost frame outside the tests."""
    other = CAUSE | {"place": "loop.py:accept"}
    found = summarise_suite(suite_run(*pair("a", "failed"), *pair("b", "failed"), *pair("c", "failed", other)))
    assert [(cause.place, len(cause.differences)) for cause in found.causes] == [
        ("loop.py:connect", 2),
        ("loop.py:accept", 1),
    ]


def test_a_few_tests_of_each_cause_are_run_alone():
    """However many share it."""
    pairs = [pair(f"t{number}", "failed") for number in range(10)]
    run = suite_run(*(record for each in pairs for record in each), *pair("fine", "passed"))
    assert [row.scenario for row in find_doubtful(run)] == [f"t{number}" for number in range(CONFIRMED_MOST)]


def kind_of(*records):
    """Return the kind of the only cause."""
    (cause,) = summarise_suite(suite_run(*records)).causes
    return cause.kind


def test_a_difference_that_shows_alone_is_behaviour():
    """It depends on no other test."""
    assert kind_of(*pair("a", "failed"), *pair("a", "failed", number=2)) is CauseKind.BEHAVIOUR


def test_a_difference_that_is_gone_alone_is_not_repeated():
    """Also where the test then fails on both."""
    assert kind_of(*pair("a", "failed"), *pair("a", "passed", number=2)) is CauseKind.ALONE_ALIKE
    assert kind_of(*pair("a", "failed"), *pair("a", "failed", number=2, usual="failed")) is CauseKind.ALONE_ALIKE


def _bound(observed):
    """Return an observation of an error as one of a port that is in use."""
    return replace(observed, value="OSError: Address already in use") if observed.key == "error" else observed


def test_an_error_of_a_shared_resource_is_a_victim_unless_it_shows_alone():
    """A port that another test left bound."""
    records = [replace(record, observations=tuple(map(_bound, record.observations))) for record in pair("a", "failed")]
    assert kind_of(*records, *pair("a", "passed", number=2)) is CauseKind.VICTIM
    assert kind_of(*records, *pair("a", "failed", number=2)) is CauseKind.BEHAVIOUR


def test_a_private_attribute_is_a_test_of_internals():
    """Alone or not."""
    assert kind_of(*pair("a", "failed", CAUSE | {"internals": True})) is CauseKind.INTERNALS


def test_what_was_not_run_alone_is_unclear():
    """No kind is guessed."""
    assert kind_of(*pair("a", "failed")) is CauseKind.UNCLEAR


def test_a_teardown_error_differs_from_a_failure():
    """Both are shown as they are."""
    (cause,) = summarise_suite(suite_run(*pair("a", "failed", usual="error in teardown"))).causes
    assert (cause.differences[0].usual, cause.differences[0].seen) == ({"error in teardown": 1}, {"failed": 1})


def test_a_failure_of_the_reference_alone_is_its_own():
    """The column is the one where it ends worse."""
    (cause,) = summarise_suite(suite_run(*pair("a", "passed", usual="failed"))).causes
    assert cause.label == "asyncio"


def test_a_test_that_was_not_asked_is_no_difference():
    """Its reason is counted."""
    refused = cell("fast", Outcome.UNSUPPORTED, scenario="a", reason="not asked: ran slow.Loop, not fast.Loop")
    skipped = cell("fast", Outcome.UNSUPPORTED, scenario="b", reason="skipped: not here")
    found = summarise_suite(suite_run(a_test("a", "asyncio"), refused, a_test("b", "asyncio"), skipped))
    assert (found.agree, found.causes) == (2, ())
    assert found.not_asked == {"fast": {"not asked: ran slow.Loop, not fast.Loop": 1, "skipped": 1}}


def test_a_test_that_did_not_run_does_not_agree():
    """On one backend or on all."""
    reason = "the run was interrupted before this cell"
    left = [cell(backend, Outcome.NOT_RUN, scenario="b", reason=reason) for backend in ("asyncio", "fast")]
    one = cell("fast", Outcome.NOT_RUN, scenario="a", reason=reason)
    found = summarise_suite(suite_run(a_test("a", "asyncio"), one, *left, *pair("c", "passed")))
    assert (found.tests, found.agree, found.not_run) == (3, 1, 2)


def test_hangs_and_crashes_are_endings():
    """They have a cause without an exception."""
    hung = cell("fast", Outcome.HUNG, scenario="a", reason="no progress for 30.0 s, idle (0% CPU)")
    crashed = cell("fast", Outcome.CRASHED, scenario="b", reason="SIGSEGV without a result")
    found = summarise_suite(suite_run(a_test("a", "asyncio"), hung, a_test("b", "asyncio"), crashed))
    assert [dict(cause.differences[0].seen) for cause in found.causes] == [{"hung": 1}, {"crashed": 1}]
    assert found.hung == 1


def test_rounds_give_frequencies():
    """A test that fails now and then on one loop only."""
    records = [a_test("a", "asyncio", number=number) for number in (1, 2, 3)]
    records += [
        a_test("a", "fast", result, number, CAUSE) for number, result in enumerate(("passed", "failed", "passed"), 1)
    ]
    (cause,) = summarise_suite(suite_run(*records, rounds=3)).causes
    assert cause.differences[0].seen == {"passed": 2, "failed": 1}


def test_a_difference_without_a_loop_is_not_about_the_loop():
    """Whether it shows alone or not: a victim of another test, or flaky."""
    cause = CAUSE | {"without_loop": True}
    assert kind_of(*pair("a", "failed", cause), *pair("a", "failed", cause, number=2)) is CauseKind.NO_LOOP


def test_a_test_that_runs_no_loop_here_and_one_elsewhere_was_not_asked_here():
    """It passes, and says nothing; one that fails does differ."""
    asked, idle = a_test("a", "asyncio", "failed", schedulers="asyncio.Loop"), a_test("a", "fast")
    found = summarise_suite(suite_run(asked, idle))
    assert (found.causes, found.not_asked) == ((), {"fast": {"not asked: no scheduler ran in it": 1}})
    asked, failed = a_test("a", "asyncio", schedulers="asyncio.Loop"), a_test("a", "fast", "failed", cause=CAUSE)
    assert len(summarise_suite(suite_run(asked, failed)).causes) == 1


def test_tests_that_choose_their_loop_are_folded():
    """The same class ran on every backend: ids are no proof of that."""
    own = a_test("a", "asyncio", schedulers="fast.Loop")
    chosen = cell("fast", Outcome.UNSUPPORTED, scenario="b", reason="not asked: ran x, not fast.Loop")
    other = a_test("b", "asyncio", schedulers="asyncio.Loop")
    found = summarise_suite(suite_run(own, a_test("a", "fast", schedulers="fast.Loop"), other, chosen))
    assert found.fixed == {"fast.Loop": 1}
    assert found.not_asked == {"fast": {"not asked: ran x, not fast.Loop": 1}}


def test_a_leak_on_one_backend_is_a_cause_and_one_on_all_is_none():
    """The latter accuses the test."""
    leak = {"type": "leaked", "normal": "fd socket", "place": "", "in_test": True}
    found = summarise_suite(suite_run(*pair("a", "leaked", leak), *pair("b", "leaked", leak, usual="leaked")))
    assert [(cause.kind, len(cause.differences)) for cause in found.causes] == [(CauseKind.LEAK, 1)]
    assert (found.leaking, found.broken) == (("b",), ())


def test_failures_under_other_orders_are_listed_by_backend():
    """Also where every backend shows them, and with the rounds in which they came again."""
    facts = {"under orders": "failed", "order": "seed 7, 1 of 1", "order error": "AssertionError: 0 != 1"}
    records = [a_test("a", "asyncio", number=number, **facts) for number in (1, 2)]
    hung = cell("fast", Outcome.HUNG, scenario="a", reason="under order 9: no progress")
    found = summarise_suite(suite_run(*records, hung, *pair("b", "passed"), rounds=2))
    assert found.asked_orders == 1
    assert [(breach.label, breach.error, breach.order, breach.rounds) for breach in found.breaches] == [
        ("asyncio", "AssertionError: 0 != 1", "seed 7, 1 of 1", (2, 2)),
        ("fast", "no progress", "seed 9", (1, 1)),
    ]


@pytest.mark.parametrize(
    ("suite", "name", "test"),
    [
        (Suite(runner="pytest", targets=("sub",), files={"t.py::A::a": "sub/t.py"}), "t.py::A::a", "sub/t.py::A::a"),
        (Suite(runner="unittest", targets=("m",), files={"m.A.a": ""}), "m.A.a", "unittest:m.A.a"),
    ],
    ids=["pytest", "unittest"],
)
def test_a_failure_under_an_order_has_its_command(suite, name, test):
    """With the file as the user has it, the backend of the failure and the arguments of the runner."""
    suite = replace(suite, arguments=("-k", "x or a"), hang_after=5.0, schedules=9)
    facts = {"under orders": "failed", "order": "seed 7, 3 of 9", "order error": "E"}
    run = a_run(a_test(name, "asyncio"), a_test(name, "fast:a=b", **facts))
    request = Request(backends=("asyncio", "fast:a=b"), rounds=2, suite=suite)
    (breach,) = summarise_suite(replace(run, started=replace(run.started, request=request))).breaches
    assert breach.command == f"harness suite {test} --backend fast:a=b --hang-after 5s --replay 7 -- -k 'x or a'"


def test_what_failed_anywhere_can_be_chosen_again():
    """Also what leaks, or fails under another order of steps only."""
    facts = {"under orders": "failed", "order": "seed 7, 1 of 1", "order error": "E"}
    reordered = (a_test("d", "asyncio"), a_test("d", "fast", **facts))
    run = suite_run(*pair("a", "passed"), *pair("b", "leaked"), *pair("c", "failed", usual="failed"), *reordered)
    assert list_failed(run) == {"b", "c", "d"}
