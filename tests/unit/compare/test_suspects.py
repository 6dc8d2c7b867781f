"""A scenario is doubted where every backend breaks an invariant, and never where one of them is known to."""

import pytest
from msgspec.structs import replace

from harness.api import allowed, bounded, exact, forbidden, outcomes, required, trace
from harness.compare import compare
from harness.model import Expectation, FindingKind, Outcome

from .run_builder import a_run, cell, steps

GRADES = {"kept": required(), "late": allowed(), "lost": forbidden("nothing may be lost")}
KINDS = {
    "a forbidden answer": (outcomes(GRADES), ["kept", "lost"]),
    "a required answer that is missing": (outcomes(GRADES), "late"),
    "an answer that is not listed": (outcomes(GRADES), ["kept", "odd"]),
    "a bound": (bounded(at_most=0), 3),
    "another value than the contract has": (exact("one"), "two"),
    "a value that varies": (exact(), ["one", "two"]),
}


def run_of(judge, value, *labels, known=()):
    """Return a run in which these backends give the same answers, which some are known for."""
    run = a_run(*(cell(label, observed={"answer": value}) for label in labels), judges={"answer": judge})
    return with_known(run, known)


def with_known(run, labels, key="answer"):
    expectations = tuple(Expectation(scenario="drain", backends=(label,), key=key, reason="listed") for label in labels)
    return replace(run, started=replace(run.started, expectations=expectations))


def about(subject, run):
    """Return the run with its scenario about this library."""
    cards = tuple(replace(card, subject=subject) for card in run.started.scenarios)
    return replace(run, started=replace(run.started, scenarios=cards))


def run_of_varying_steps():
    """Return a run in which the rounds of each backend take other steps."""
    rounds = [
        cell(label, Outcome.COMPLETED, *steps(reader=text), round=number)
        for label in ("asyncio", "trio")
        for number, text in enumerate(("wait wake", "wait end"), 1)
    ]
    return a_run(*rounds, judges={"order": trace()})


def broken(run):
    """Return kind, backends and whether it is known of each finding."""
    return [(finding.kind, finding.backends, bool(finding.known)) for finding in compare(run).findings]


@pytest.mark.parametrize("kind", KINDS)
def test_a_scenario_that_every_backend_breaks_is_suspect(kind):
    """The finding names the invariant, and who breaks it."""
    (finding,) = compare(run_of(*KINDS[kind], "asyncio", "trio")).findings
    assert (finding.kind, finding.key) == (FindingKind.SUSPECT_SCENARIO, "answer")
    assert finding.expected
    assert finding.details[-1] == "every backend that ran does this (asyncio, trio): look at the scenario first"


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_breach_is_no_evidence_against_the_scenario(kind):
    """It is the known breach of one and the fault of the other."""
    (mine, of_mine, is_mine_known), (other, of_other, is_other_known) = broken(
        run_of(*KINDS[kind], "asyncio", "trio", known=["asyncio"])
    )
    assert mine is other is not FindingKind.SUSPECT_SCENARIO
    assert {of_mine: is_mine_known, of_other: is_other_known} == {("asyncio",): True, ("trio",): False}


def test_steps_that_vary_are_like_answers_that_vary():
    """Rounds of each backend differ; one of them is known to."""
    run = run_of_varying_steps()
    assert [kind for kind, *_ in broken(run)] == [FindingKind.SUSPECT_SCENARIO]
    assert sorted(broken(with_known(run, ["trio"], "order"))) == [
        (FindingKind.DIVERGENCE, ("asyncio",), False),
        (FindingKind.DIVERGENCE, ("trio",), True),
    ]


def test_pairs_are_like_single_backends():
    """Every pair breaks it, one of them as listed: the others are charged."""
    labels = ("asyncio+asyncio", "asyncio+trio", "trio+asyncio", "trio+trio")
    judge, value = KINDS["a bound"]
    run = a_run(*(cell(label, observed={"answer": value}) for label in labels), judges={"answer": judge})
    assert [kind for kind, *_ in broken(run)] == [FindingKind.SUSPECT_SCENARIO]
    found = broken(with_known(run, ["asyncio"]))
    assert {kind for kind, *_ in found} == {FindingKind.VIOLATION}
    assert [backends for _, backends, is_known in found if is_known] == [("asyncio",)]


def test_a_backend_without_an_answer_is_named():
    """It neither breaks nor keeps the invariant."""
    run = run_of(*KINDS["a bound"], "asyncio", "trio")
    silent = cell("curio", Outcome.HUNG)
    whole = a_run(*run.records, silent, judges={"answer": KINDS["a bound"][0]})
    (finding,) = (f for f in compare(whole).findings if f.kind is FindingKind.SUSPECT_SCENARIO)
    assert finding.details == (
        "every backend that ran does this (asyncio, trio, no answer from curio): look at the scenario first",
    )


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (run_of(*KINDS["a bound"], "asyncio", "trio"), FindingKind.VIOLATION),
        (run_of(*KINDS["a value that varies"], "asyncio", "trio"), FindingKind.DIVERGENCE),
        (run_of_varying_steps(), FindingKind.DIVERGENCE),
    ],
    ids=["a bound", "a value that varies", "steps that vary"],
)
def test_what_every_backend_breaks_is_the_fault_of_the_subject(run, kind):
    """Where a library is under test, it is named as the culprit, and the scenario is not suspect."""
    (finding,) = compare(about("anyio", run)).findings
    assert (finding.kind, finding.culprit) == (kind, ("anyio",))
    assert finding.details == ("every backend that ran does this (asyncio, trio): look at anyio first",)
