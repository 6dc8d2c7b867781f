"""Which findings are known, and which expectations no longer hold."""

import datetime as dt

import pytest
from msgspec.structs import replace

from harness.api import allowed, bounded, exact, forbidden, interesting, outcomes
from harness.compare import compare, propose_expectations
from harness.model import Expectation, FindingKind, Outcome

from .run_builder import a_run, cell

ANSWERS = {
    "answer": outcomes(
        {"kept": allowed("fine"), "lost": forbidden("nothing may be lost", "gh-1"), "late": interesting("slow")}
    ),
    "early": bounded(at_most=0),
    "order": exact(),
}
LOST = Expectation(
    scenario="drain", backends=("asyncio",), key="answer", value="lost", reason="known", reference="gh-1"
)


def judged(*cells, expectations=(LOST,), started_at="2026-11-21T00:00:00+00:00"):
    """Return the comparison of a run with these expectations."""
    run = a_run(*cells, judges=ANSWERS)
    started = replace(run.started, expectations=expectations, started_at=started_at, environment={"system": "Linux"})
    return compare(replace(run, started=started))


def kinds(comparison):
    return [(finding.kind, finding.backends, bool(finding.known)) for finding in comparison.findings]


def answering(backend, value, **fields):
    return cell(backend, observed={"answer": value}, **fields)


def test_a_finding_that_is_expected_is_known_and_not_unexpected():
    """It says why, and its square has it apart."""
    comparison = judged(answering("asyncio", "lost"), answering("trio", "kept"))
    (finding,) = comparison.findings
    assert (finding.kind, finding.known) == (FindingKind.VIOLATION, "known (gh-1)")
    assert comparison.unexpected == ()
    assert comparison.known == (finding,)
    asyncio, trio = comparison.rows[0].cells
    assert (asyncio.findings, asyncio.known) == ((), (FindingKind.VIOLATION,))
    assert (trio.findings, trio.known) == ((), ())


def test_only_the_backends_that_it_names_are_known():
    """The finding is split; each part has a command for a backend of its own."""
    comparison = judged(answering("asyncio", "lost"), answering("trio", "kept"), answering("curio", "lost"))
    known, new = sorted(comparison.findings, key=lambda finding: not finding.known)
    assert (known.backends, new.backends) == (("asyncio",), ("curio",))
    assert comparison.unexpected == (new,)
    assert "--backend asyncio" in known.command
    assert "--backend curio" in new.command


def test_another_value_of_the_same_key_is_not_known():
    """And the one that was expected is gone."""
    comparison = judged(answering("asyncio", "vanished"), answering("trio", "kept"))
    assert kinds(comparison) == [
        (FindingKind.VIOLATION, ("asyncio",), False),
        (FindingKind.STALE_EXPECTATION, ("asyncio",), False),
    ]


def test_an_expectation_that_does_not_occur_is_stale():
    """It names its source and says what to do."""
    comparison = judged(answering("asyncio", "kept"), answering("trio", "kept"))
    (finding,) = comparison.findings
    assert (finding.kind, finding.backends, finding.expected) == (
        FindingKind.STALE_EXPECTATION,
        ("asyncio",),
        LOST.text,
    )
    assert comparison.unexpected == (finding,)


@pytest.mark.parametrize(
    "cells",
    [
        (answering("trio", "kept"), answering("curio", "kept")),
        (cell("asyncio", Outcome.UNAVAILABLE), answering("trio", "kept")),
        (cell("asyncio", Outcome.RAISED, observed={"answer": "kept"}), answering("trio", "kept")),
        (answering("asyncio", "kept", scenario="other"), answering("trio", "kept", scenario="other")),
    ],
    ids=["another backend", "did not run", "was cut off", "another scenario"],
)
def test_what_was_not_asked_is_not_stale(cells):
    """Only where the scenario ran on the backend."""
    assert FindingKind.STALE_EXPECTATION not in [kind for kind, *_ in kinds(judged(*cells))]


def test_one_row_in_which_it_occurs_is_enough():
    """An expectation without parameters is about the scenario."""
    rows = [answering(b, v, parameters={"n": n}) for n, v in ((1, "kept"), (2, "lost")) for b in ("asyncio",)]
    rows += [answering("trio", "kept", parameters={"n": n}) for n in (1, 2)]
    assert kinds(judged(*rows)) == [(FindingKind.VIOLATION, ("asyncio",), True)]
    narrow = replace(LOST, parameters={"n": 1})
    assert [kind for kind, *_ in kinds(judged(*rows, expectations=(narrow,)))] == [
        FindingKind.VIOLATION,
        FindingKind.STALE_EXPECTATION,
    ]


def test_a_fact_counts_also_where_it_makes_no_finding():
    """A backend alone differs from nobody, but it still does what is expected of it."""
    slow = Expectation(scenario="drain", backends=("asyncio",), key="answer", value="late", reason="slow")
    assert kinds(judged(answering("asyncio", "late"), expectations=(slow,))) == []
    two = judged(answering("asyncio", "late"), answering("trio", "kept"), expectations=(slow,))
    assert kinds(two) == [(FindingKind.INTERESTING, ("asyncio",), True)]


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"python": "<3.12"}, True),
        ({"python": ">=3.12"}, False),
        ({"trio": ">=0.22,<0.36"}, True),
        ({"trio": "==0.36"}, False),
        ({"uvloop": ">=0"}, False),
        ({"system": "linux"}, True),
        ({"system": "Darwin"}, False),
        ({"python": ">=3.11", "trio": "<1"}, True),
    ],
)
def test_conditions(when, holds):
    """Where they do not hold, nothing is expected."""
    lost, kept = (judged(answering("asyncio", v), expectations=(replace(LOST, when=when),)) for v in ("lost", "kept"))
    assert bool(lost.known) is holds
    assert bool(kept.findings) is holds


def test_what_may_occur_is_never_stale():
    """`sometimes` is for what a scheduler draws."""
    may = replace(LOST, sometimes=True)
    assert kinds(judged(answering("asyncio", "kept"), expectations=(may,))) == []
    assert judged(answering("asyncio", "lost"), expectations=(may,)).unexpected == ()


def test_from_its_day_on_it_is_not_expected():
    """Then somebody looks again."""
    dated = (replace(LOST, expires=dt.date(2026, 11, 21)),)
    assert judged(answering("asyncio", "lost"), expectations=dated).unexpected
    day_before = judged(answering("asyncio", "lost"), expectations=dated, started_at="2026-11-20T23:59:59+00:00")
    assert day_before.unexpected == ()


def test_globs_take_brackets_as_they_are():
    """Labels have brackets of their own."""
    wide = replace(LOST, scenario="dr*", backends=("asyncio*",))
    comparison = judged(answering("asyncio:io=sock", "lost"), answering("trio", "kept"), expectations=(wide,))
    assert kinds(comparison) == [(FindingKind.VIOLATION, ("asyncio:io=sock",), True)]


def test_a_hang_is_expected_by_its_outcome():
    """The key is empty."""
    hang = Expectation(scenario="drain", backends=("asyncio",), value="hung", reason="it does")
    assert kinds(judged(cell("asyncio", Outcome.HUNG), cell("trio"), expectations=(hang,))) == [
        (FindingKind.HANG, ("asyncio",), True)
    ]
    assert kinds(judged(cell("asyncio"), cell("trio"), expectations=(hang,))) == [
        (FindingKind.STALE_EXPECTATION, ("asyncio",), False)
    ]


def test_a_bound_is_expected_by_its_key():
    """The number is another one each time."""
    early = Expectation(scenario="drain", backends=("asyncio",), key="early", reason="its clock is coarse")
    cells = (cell("asyncio", observed={"early": 0.3}), cell("trio", observed={"early": 0}))
    assert kinds(judged(*cells, expectations=(early,))) == [(FindingKind.VIOLATION, ("asyncio",), True)]


def test_our_own_fault_is_never_expected():
    """Nor is what ran on something else."""
    any_crash = Expectation(scenario="*", backends=("*",), finding=FindingKind.HARNESS_FAULT, reason="no")
    comparison = judged(cell("asyncio", Outcome.HARNESS_FAULT), cell("trio"), expectations=(any_crash,))
    assert FindingKind.HARNESS_FAULT in [finding.kind for finding in comparison.unexpected]


def planted(*cells, saboteurs=True):
    """Return the comparison of a run in which `saboteur` is broken on purpose."""
    run = a_run(*cells, judges=ANSWERS)
    cards = tuple(replace(card, planted=card.label == "saboteur") for card in run.started.backends)
    request = replace(run.started.request, saboteurs=saboteurs)
    return compare(replace(run, started=replace(run.started, backends=cards, request=request)))


def test_a_planted_fault_that_is_caught_is_no_surprise():
    """One row of the scenario is enough; what the control does is judged as ever."""
    comparison = planted(
        answering("asyncio", "lost", parameters={"n": 1}),
        answering("saboteur", "lost", parameters={"n": 1}),
        answering("asyncio", "kept", parameters={"n": 2}),
        answering("saboteur", "kept", parameters={"n": 2}),
    )
    assert kinds(comparison) == [
        (FindingKind.SUSPECT_SCENARIO, ("asyncio",), False),
        (FindingKind.SUSPECT_SCENARIO, ("saboteur",), True),
    ]


def test_a_planted_fault_that_is_missed_is_a_finding():
    """Whatever became of the others."""
    comparison = planted(answering("asyncio", "kept"), answering("saboteur", "kept"))
    assert kinds(comparison) == [(FindingKind.MISSED, ("saboteur",), False)]
    assert comparison.unexpected


def test_one_that_was_named_is_judged_like_any_other():
    """Nobody asked whether it is caught."""
    assert kinds(planted(answering("saboteur", "kept"), saboteurs=False)) == []
    assert planted(answering("saboteur", "lost"), answering("trio", "kept"), saboteurs=False).unexpected


def test_proposals_make_the_run_expected():
    """What is proposed covers every unexpected finding of the run it was proposed from."""
    cells = (
        cell("asyncio", observed={"answer": "lost", "early": 0.3, "order": "abc"}),
        cell("uvloop", observed={"answer": "lost", "early": 0, "order": "cba"}),
        cell("trio", observed={"answer": "kept", "early": 0, "order": "abc"}),
        cell("curio", Outcome.HUNG, observed={"answer": "kept", "early": 0}),
        cell("threads", observed={"answer": "kept", "early": 0, "order": "abc"}),
    )
    proposals = propose_expectations(judged(*cells, expectations=()))
    assert {proposal.expectation.reason for proposal in proposals} == {""}
    proposed = [replace(proposal.expectation, reason="accepted") for proposal in proposals]
    assert {(e.backends, e.key, e.value) for e in proposed} == {
        (("asyncio", "uvloop"), "answer", "lost"),
        (("asyncio",), "early", ""),
        (("uvloop",), "order", "cba"),
        (("curio",), "", "hung"),
    }
    assert judged(*cells, expectations=proposed).unexpected == ()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-99-99", "\N{SNOWMAN}" * 10])
def test_a_run_without_a_date(text):
    """A journal from anywhere may have any text there; an expectation that expires holds then."""
    dated = (replace(LOST, expires=dt.date(2020, 1, 1)),)
    assert judged(answering("asyncio", "lost"), expectations=dated, started_at=text).unexpected == ()
