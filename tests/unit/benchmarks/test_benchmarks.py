"""What the benchmarks make of their measurements."""

import math

import pytest

from benchmarks import costs, scale
from benchmarks.sections import Section, is_within, ratio_texts

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
