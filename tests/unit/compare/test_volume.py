"""A cell with very many facts: the judgement takes seconds, and what a reader cannot take in is counted, not shown."""

import random
import time

import pytest

from harness.api import allowed, exact, forbidden, info, metric, outcomes, trace
from harness.compare import compare, propose_expectations
from harness.model import FindingKind, Outcome, Step
from harness_reports.cell_view import render_details
from harness_reports.terminal import render_terminal

from ..reports.sample_runs import show
from .run_builder import a_run, cell, findings_of

BACKENDS = ("asyncio", "trio")
GRADES = outcomes({"good": allowed(), "bad": forbidden("no")})


def values_of(judge, number, values):
    """Return a run in which each backend recorded so many values of a key."""
    return a_run(*(cell(name, observed={"t": values(number)}) for name in BACKENDS), judges={"t": judge}, headline="t")


def test_a_finding_about_very_many_values():
    """It has those that the contract names and 200 in all, and a count of the others."""
    run = values_of(GRADES, 1000, lambda number: [*map(str, range(number)), "bad"])
    of_bad, unlisted = sorted((f for f in findings_of(run) if f.key == "t"), key=lambda f: len(f.values))
    assert {len(unlisted.groups), len(of_bad.groups)} == {200}
    assert (of_bad.values, of_bad.details[-1]) == (("bad",), "and 801 more values")
    assert len(propose_expectations(compare(run))) <= 201
    (row,) = compare(run).rows
    counts = row.cells[0].frequencies["t"]
    assert (len(counts), counts["bad"], counts["… (801 more values)"]) == (201, 1, 801)


def test_a_square_with_very_many_values():
    """It has the first of them, and a count."""
    (row,) = compare(values_of(info(), 500, lambda number: list(range(number)))).rows
    assert row.cells[0].values["t"] == [*range(200), "… (300 more values)"]


def test_texts_of_very_many_facts_are_short():
    """The end of a path, some of the actors and values, some of the findings; each cut says how much is left out."""
    steps = [Step(role="main", actor="one", what=f"s{number}", at=0.0) for number in range(2000)]
    actors = [Step(role="main", actor=f"a{number}", what="go", at=0.0) for number in range(400)]
    hung = a_run(cell("trio", Outcome.HUNG, *steps, *actors, observed={"t": list(range(400))}), judges={"t": info()})
    details = show(render_details, hung)
    for text in ("(1,500 steps) → s1500", "and 301 more actors", "and 300 more values"):
        assert text in " ".join(details.split())
    assert "and 351 more actors" in findings_of(hung, FindingKind.HANG)[0].divergence
    keys = {f"k{number}": number for number in range(300)}
    many = a_run(cell("trio", observed=keys), judges={"t": info()})
    assert "and 92 more (all: --format json)" in show(render_terminal, many)
    assert "and 200 more (all: --format json)" in show(render_details, many)


def random_numbers(number):
    chance = random.Random(1)
    return [chance.random() for _ in range(number)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [5_000, 20_000, 100_000])
@pytest.mark.parametrize("judge", [metric("s"), exact(), GRADES, info()], ids=["metric", "exact", "outcomes", "info"])
def test_very_many_values_of_a_key(judge, number):
    """Judgement and texts take a time in proportion; 20,000 graded values took minutes when each met all others."""
    values = random_numbers if judge is not GRADES else lambda n: list(map(str, random_numbers(n)))
    run = values_of(judge, number, values)
    began = time.perf_counter()
    propose_expectations(compare(run))
    show(render_terminal, run)
    show(render_details, run)
    assert time.perf_counter() - began < 5 + number * 1e-3


@pytest.mark.slow
def test_very_many_steps_and_actors():
    """Of 100,000 steps by one actor, and of 5,000 actors."""
    for actors in (1, 5_000):
        steps = [Step(role="main", actor=f"a{n % actors}", what=f"s{n % 7}", at=n * 1e-5) for n in range(100_000)]
        cells = [cell(name, Outcome.COMPLETED, *steps) for name in BACKENDS]
        run = a_run(*cells, judges={"trace": trace()})
        began = time.perf_counter()
        show(render_terminal, run)
        show(render_details, run)
        assert time.perf_counter() - began < 60
