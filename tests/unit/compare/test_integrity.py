"""Can the facts be believed?"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.api import bounded, exact, info, metric
from harness.compare.integrity import CountSheet
from harness.model import FindingKind, Outcome, Unhandled

from .run_builder import a_run, cell, findings_of, groups_of, observations, only_finding, unhandled

COUNTS = {"due": info(), "ok": info(), "refused": info()}
SUM = {"due": ("ok", "refused")}


def counted(*records):
    """Return a run whose counts must add up."""
    return a_run(*records, judges=COUNTS, conserved=SUM)


# --- conservation ---


@pytest.mark.parametrize(
    "observed",
    [
        {"due": 400, "ok": 398, "refused": 2},
        {"due": 400, "ok": 400},
        {"due": [3, 4], "ok": [3, 3], "refused": [0, 1]},
        {"due": 0.3, "ok": 0.1, "refused": 0.2},
        {},
    ],
)
def test_counts_that_add_up(observed):
    """A part that was not recorded is none; repetitions add up; floats need not be exact."""
    assert findings_of(counted(cell("trio", observed=observed))) == []


def test_counts_that_do_not_add_up():
    """The arithmetic is shown."""
    right = {"due": 400, "ok": 398, "refused": 2}
    finding = only_finding(counted(cell("asyncio", observed=right), cell("trio", observed=right | {"refused": 1})))
    assert (finding.kind, finding.backends) == (FindingKind.VIOLATION, ("trio",))
    assert (finding.title, finding.expected) == ("counts are not conserved: due", "due = ok + refused")
    assert finding.details == ("trio: due 400 ≠ ok 398 + refused 1 = 399",)
    assert groups_of(finding) == {"adds up": ("asyncio",), "does not add up": ("trio",)}


def test_each_role_counts_for_itself():
    """A server's count is no part of the client's sum."""
    facts = observations({"due": 2, "ok": 2}, "server") + observations({"due": 5, "ok": 5}, "client")
    assert findings_of(counted(cell("trio+uvloop", Outcome.COMPLETED, *facts))) == []


def test_a_cell_that_was_stopped_while_it_counted():
    """Without all of its counts it has no sum; with all of them it has."""
    stopped = cell("trio", Outcome.HUNG, observed={"due": 4, "ok": 1})
    complete = cell("trio", Outcome.HUNG, observed={"due": 4, "ok": 1, "refused": 0})
    assert findings_of(counted(stopped), FindingKind.VIOLATION) == []
    assert len(findings_of(counted(complete), FindingKind.VIOLATION)) == 1


def test_everybody_loses_count():
    """Then it is the scenario that cannot count."""
    wrong = {"due": 2, "ok": 1}
    run = counted(cell("asyncio", observed=wrong), cell("trio", observed=wrong))
    assert only_finding(run).kind is FindingKind.SUSPECT_SCENARIO


@example(parts=[999_999_999], missing=1)
@example(parts=[10**15], missing=-1)
@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(-3, 3))
def test_a_sum_is_right_exactly_if_nothing_is_missing(parts, missing):
    """One of a billion is missed as well as one of two."""
    sheet = CountSheet("due", sum(parts) + missing, tuple((f"p{n}", part) for n, part in enumerate(parts)))
    assert sheet.adds_up == (missing == 0)


# --- exceptions, leftovers ---


def test_unhandled_exceptions():
    """One finding for each type, each text once."""
    lost = (unhandled("OSError", "lost"), unhandled("OSError", "lost"), unhandled("KeyError", "k", "callback"))
    one, other = findings_of(a_run(cell("asyncio"), cell("trio", unhandled=lost)))
    assert (one.kind, one.title, one.backends) == (FindingKind.UNHANDLED, "unhandled exception OSError", ("trio",))
    assert one.details == ("trio: OSError: lost (task died)",)
    assert other.details == ("trio: KeyError: k (callback)",)
    assert groups_of(one) == {"none": ("asyncio",), "unhandled OSError": ("trio",)}


def test_many_unhandled_exceptions_are_counted():
    """A storm of them does not flood the report."""
    lost = tuple(unhandled("OSError", f"n{number}") for number in range(20))
    assert only_finding(a_run(cell("trio", unhandled=lost))).details[-1] == "and 12 more"


def test_an_unhandled_without_an_exception():
    """A runtime may only say what happened."""
    run = a_run(cell("trio", unhandled=(Unhandled(context="task was destroyed"),)))
    assert only_finding(run).details == ("trio: task was destroyed",)


def test_leftovers():
    """What was ended afterwards and what could not be are two findings; process ids are in the details."""
    run = a_run(cell("trio", escaped=("123 sleep",), survivors=("9 zombie",)), cell("asyncio"))
    survived, escaped = findings_of(run)
    assert [survived.kind, escaped.kind] == [FindingKind.LEFTOVER] * 2
    assert (survived.title, survived.details) == ("leaves processes that could not be ended", ("trio: 9 zombie",))
    assert (escaped.title, escaped.details) == ("leaves processes behind", ("trio: 123 sleep",))


# --- keys ---


def test_an_undeclared_key():
    """Nobody would look at it, so the scenario is suspect; one finding for the row."""
    run = a_run(cell("asyncio", observed={"odd": 1}), cell("trio", observed={"odd": 2}), judges=COUNTS)
    finding = only_finding(run)
    assert (finding.kind, finding.title) == (FindingKind.SUSPECT_SCENARIO, "odd is observed but not declared")
    assert finding.backends == ("asyncio", "trio")


@pytest.mark.parametrize("judge", [bounded(at_most=0), metric("ns")])
def test_what_should_be_a_number(judge):
    """And is none."""
    finding = only_finding(a_run(cell("trio", observed={"n": "many"}), judges={"n": judge}))
    assert (finding.kind, finding.title) == (FindingKind.SUSPECT_SCENARIO, "n is not a number")
    assert groups_of(finding) == {"many": ("trio",)}


@pytest.mark.parametrize("judge", [bounded(at_most=0), exact()])
def test_what_only_others_report(judge):
    """A cell that completed has to report what the others report."""
    run = a_run(cell("asyncio", observed={"n": 0}), cell("trio"), cell("curio", Outcome.RAISED), judges={"n": judge})
    (finding,) = findings_of(run, FindingKind.DIVERGENCE)
    assert (finding.title, finding.backends) == ("n is not reported", ("trio",))
    assert groups_of(finding) == {"reported": ("asyncio",), "not reported": ("trio",)}


def test_what_nobody_reports():
    """Does not apply to the row."""
    assert findings_of(a_run(cell("asyncio"), cell("trio"), judges={"n": bounded(at_most=0)})) == []


def test_exceptions_that_were_not_kept_are_only_counted():
    """How many there were is a detail, and no exception of its own."""
    role = {"unhandled": (unhandled("OSError"),), "unhandled_more": 80}
    finding = only_finding(a_run(cell("trio", **role)))
    assert finding.title == "unhandled exception OSError"
    assert finding.details[-1] == "trio: 80 more unhandled exceptions in drain@trio#1 were counted and not kept"
