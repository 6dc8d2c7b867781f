"""What the benchmarks make of their measurements."""

import math
import random
from collections import Counter

import pytest

from benchmarks import costs, detection, scale, stability, transparency
from benchmarks.sections import Section, is_within, ratio_texts
from harness.model import BackendSpec, Cell, CellRecord, CellResult, Observed, Outcome, RoleBackend
from harness.plugins import Plugins

SECTION = Section(
    title="Speed", text="How.", header=("what", "ratio"), rows=(("a", "1.0"),), verdict="Good.", note="So."
)


def test_a_section_is_a_table_with_what_it_says():
    """In the order in which one reads it."""
    assert SECTION.markdown() == "## Speed\n\nHow.\n\n| what | ratio |\n| --- | --- |\n| a | 1.0 |\n\nGood.\n\nSo.\n"
    assert SECTION.plain() == "Speed\nwhat  ratio\na     1.0  \nGood."


def test_too_few_ratios_have_no_interval():
    """And are within nothing."""
    assert ratio_texts([0.0] * 5) == ("–", "none: 5 are too few")
    assert not is_within([0.0] * 5, 0.03)


@pytest.mark.parametrize(("widest", "within"), [(1.02, True), (1.04, False), (0.98, True), (0.96, False)])
def test_an_interval_is_within_a_margin_or_not(widest, within):
    """With six values the interval reaches from the least to the largest."""
    logs = [0.0, 0.001, -0.001, 0.0, 0.002, math.log(widest)]
    assert is_within(logs, 0.03) is within


def pairs_until_closed(scatter):
    """Return how many pairs of a made-up program and cell are run, of 40 at most."""
    ratios, pair = transparency.Ratios(Plugins().catalogue()), ("switch", "asyncio")
    source = random.Random(1)
    while ratios.is_open(pair, 40):
        ratios.tried[pair] += 1
        ratios.natives[pair].append(100.0)
        ratios.cells[pair].append(100.0 * math.exp(source.gauss(0.02, scatter)))
    return ratios.tried[pair]


def test_pairs_are_run_until_the_interval_is_narrow():
    """At one of the looks, whatever the interval says; what scatters gets all that there are."""
    assert pairs_until_closed(scatter=0.005) == 10
    assert pairs_until_closed(scatter=0.02) in (15, 20, 30)
    assert pairs_until_closed(scatter=0.5) == 40


def test_a_page_keeps_the_sections_that_are_not_measured_again():
    """And has them in the order of the benchmarks, with what is between the marks."""
    sections = {"scale": "## Two\n\ntext\n", "startup": "## One\n"}
    page = costs.make_page(sections)
    assert costs.read_sections(page) == sections
    assert page.index("## One") < page.index("## Two")
    assert costs.make_page(costs.read_sections(page)) == page


def test_a_plan_goes_through_every_stage(tmp_path):
    """What is read back is what was planned, and complete."""
    written, judged = scale.write(120, tmp_path), scale.judge(120, tmp_path)
    assert judged["note"] == ""
    assert judged["cells"] == 120
    assert judged["rows"] == 2
    assert set(written) | set(judged) >= set(scale.STAGES)
    assert judged["observations"] > judged["cells"]


def test_rounds_that_differ_are_listed():
    """With the usual answers, and how the others differ from these; equal rounds are not."""
    usual, other = frozenset({"answer: a", "answer: b"}), frozenset({"answer: a", "hung: idle"})
    counts = {("x", "trio"): Counter({usual: 18, other: 2}), ("y", "trio"): Counter({usual: 20})}
    assert stability.describe_varied(counts) == [
        "x on trio: 18 of 20 rounds agree",
        "  2: also 'hung: idle'; without 'answer: b'",
    ]


def test_the_answers_of_a_cell_are_its_graded_values():
    """Each once, without facts that are only shown; and its outcome if it is not completed."""
    catalogue = Plugins().catalogue()
    cell = Cell(scenario="process.watcher-threads", roles=(RoleBackend("main", BackendSpec("trio")),), round=1)
    seen = [
        Observed(role="main", key=key, value=value, at=0.0) for key, value in (("answer", "one thread"), ("threads", 3))
    ]

    def answers(outcome, reason=""):
        result = CellResult(cell_id=cell.id, outcome=outcome, reason=reason)
        return stability.read_answers(CellRecord(cell=cell, observations=(*seen, seen[0]), result=result), catalogue)

    assert answers(Outcome.COMPLETED) == {"answer: one thread"}
    assert answers(Outcome.HUNG, "idle") == {"answer: one thread", "hung: idle"}


def test_detection_is_the_share_of_the_faults_that_default_catches():
    """With the rows that catch the missed faults, and the rows of a scenario by their number of faults."""
    quick = {"a[n=1]": {"one"}}
    default = {"a[n=1]": {"one"}, "a[n=2]": {"one", "two"}, "b": {"three"}}
    assert detection.share(quick, default) == pytest.approx(1 / 3)
    assert detection.describe(quick, default, ["one", "two", "three", "four"]) == [
        "4 faults; caught by default: 3, by quick: 1 (33.3%)",
        "caught by neither: four",
        "missed by quick: three: b",
        "missed by quick: two: a[n=2]",
        "order: a[n=2] (2), a[n=1] (1)",
    ]
