"""Invariants on numbers."""

import pytest

from harness.api import allowed, bounded, info, interesting, outcomes
from harness.model import FindingKind, Outcome

from .run_builder import a_run, cell, findings_of, groups_of, only_finding

NONE_LOST = {"lost": bounded(at_most=0, reason="each reaches one receiver", reference="docs")}


def run_of(judges, **numbers):
    """Return a run with a cell for each backend."""
    return a_run(*(cell(name, observed={"lost": value}) for name, value in numbers.items()), judges=judges)


def test_within_the_bounds():
    """Equal to a bound is within it."""
    assert findings_of(run_of({"lost": bounded(at_least=0, at_most=2)}, asyncio=[0, 1], trio=2)) == []


def test_beyond_a_bound():
    """It names who, what was expected and why, and the numbers that break it."""
    finding = only_finding(run_of(NONE_LOST, asyncio=0, trio=[0, 3, 5]))
    assert (finding.kind, finding.backends) == (FindingKind.VIOLATION, ("trio",))
    assert (finding.title, finding.expected) == ("lost is more than 0", "lost ≤ 0")
    assert (finding.reason, finding.reference) == ("each reaches one receiver", "docs")
    assert groups_of(finding) == {"0": ("asyncio",), "3 … 5": ("trio 2/3",)}


def test_what_explains_a_breach_is_shown_with_it():
    """A line for each that breaks it; of the others nothing."""
    judges = {"lost": bounded(at_most=0, explained_by=("where", "why")), "where": info(), "why": info()}
    seen = {"where": "in the queue", "why": 2}
    cells = [cell(name, observed={"lost": lost, **seen}) for name, lost in (("asyncio", 0), ("trio", 3))]
    assert only_finding(a_run(*cells, judges=judges)).details == ("trio: where: in the queue; why: 2",)


@pytest.mark.parametrize(
    ("value", "title"), [(-1, "lost is less than 0"), (2.5, "lost is more than 1.5"), (False, None), (1.5, None)]
)
def test_each_bound_has_its_title(value, title):
    """The title holds no figure of the cell, so that it is the same in every row."""
    run = run_of({"lost": bounded(at_least=0, at_most=1.5)}, trio=value)
    assert [finding.title for finding in findings_of(run)] == ([title] if title else [])


def test_everybody_beyond_is_a_doubt_in_the_scenario():
    """It says so."""
    finding = only_finding(run_of(NONE_LOST, asyncio=1, trio=2))
    assert (finding.kind, finding.backends) == (FindingKind.SUSPECT_SCENARIO, ("asyncio", "trio"))
    assert "look at the scenario" in finding.details[-1]


def test_who_did_not_report_does_not_acquit():
    """Everybody who ran and reported breaks it."""
    run = a_run(
        cell("asyncio", observed={"lost": 1}),
        cell("trio", observed={"lost": 1}),
        cell("curio", Outcome.UNAVAILABLE),
        judges=NONE_LOST,
    )
    assert findings_of(run, FindingKind.VIOLATION) == []


def test_it_counts_before_a_hang():
    """A fact is a fact."""
    run = a_run(
        cell("asyncio", observed={"lost": 0}), cell("trio", Outcome.HUNG, observed={"lost": 1}), judges=NONE_LOST
    )
    assert [finding.kind for finding in findings_of(run)] == [FindingKind.VIOLATION, FindingKind.HANG]


def test_what_ran_on_something_else_is_not_judged():
    """Its facts are not about this backend."""
    run = a_run(cell("trio", observed={"lost": 1}, holds=False), judges=NONE_LOST)
    assert [finding.kind for finding in findings_of(run)] == [FindingKind.WRONG_BACKEND]


LOADED = {
    "timed out": bounded(at_most=0, only_where={"generator": "ok", "capacity": "left"}),
    "generator": outcomes({"ok": allowed(), "limited": interesting("the client set the pace")}),
    "capacity": outcomes({"left": allowed(), "used up": interesting("the server used a whole CPU")}),
}


@pytest.mark.parametrize(
    ("seen", "is_judged"),
    [
        ({"generator": "ok", "capacity": "left"}, True),
        ({"generator": "limited", "capacity": "left"}, False),
        ({"generator": "ok", "capacity": "used up"}, False),
        ({}, True),
    ],
)
def test_a_bound_that_holds_only_for_the_load_that_was_asked_for(seen, is_judged):
    """What the client, or the machine, could not do is charged to nobody; a server that reports nothing is judged."""
    run = a_run(cell("trio", observed={"timed out": 3, **seen}), judges=LOADED)
    assert bool(findings_of(run, FindingKind.VIOLATION)) is is_judged
