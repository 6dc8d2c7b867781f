"""Of two things that an upgrade changes, which of them a change is due to."""

import pytest
from msgspec.structs import replace

from harness.compare.attribution import PYTHON, attribute, find_halves, list_upgraded
from harness.compare.transitions import Change, FigureChange, FindingChange, OutcomeChange, RunChanges
from harness.model import FindingKind, SpeedVerdict

OLD = {PYTHON: "3.11.7", "uvloop": "0.19"}
NEW = {PYTHON: "3.13.0", "uvloop": "0.22"}
NEW_PYTHON, NEW_UVLOOP = OLD | {PYTHON: "3.13.0"}, OLD | {"uvloop": "0.22"}
BOTH = (PYTHON, "uvloop")
HANG = FindingChange(
    change=Change.REGRESSED, kind=FindingKind.HANG, scenario="s", row="s", label="uvloop", title="hangs"
)
CRASH = OutcomeChange(row="s", label="uvloop", change=Change.REGRESSED, before="completed", after="crashed 2/3")
SLOWER = FigureChange(
    row="s", label="uvloop", key="rate", is_headline=True, unit="/s", better="higher", before=2, after=1,
    rounds_before=9, rounds_after=9, verdict=SpeedVerdict.SLOWER,
)  # fmt: skip
RAN = replace(CRASH, change=Change.UNCHANGED, after="completed")
EQUAL = replace(SLOWER, verdict=SpeedVerdict.EQUIVALENT)


def changes(*all_of_them):
    """Return changes from one run to another."""
    by_type = {
        field: tuple(change for change in all_of_them if isinstance(change, kind))
        for field, kind in (("findings", FindingChange), ("outcomes", OutcomeChange), ("figures", FigureChange))
    }
    return RunChanges(before="old", after="new", conditions=(), obstacles=(), answers=(), **by_type)


def cause_of(change, upgraded, **halves):
    """Return the cause that is found for a change; the halves, which asked everything, name their changes."""
    found = attribute(changes(change), upgraded, {name: changes(RAN, EQUAL, *shown) for name, shown in halves.items()})
    (attributed,) = (*found.findings, *found.outcomes, *found.figures)
    return attributed.cause


@pytest.mark.parametrize("change", [HANG, CRASH, SLOWER], ids=["finding", "outcome", "figure"])
@pytest.mark.parametrize(
    ("upgraded", "halves", "cause"),
    [
        (BOTH, {"Python": [0], "uvloop": []}, "Python"),
        (BOTH, {"Python": [], "uvloop": [0]}, "uvloop"),
        (BOTH, {"Python": [0], "uvloop": [0]}, "each of Python and uvloop alone"),
        (BOTH, {"Python": [], "uvloop": []}, "Python and uvloop together"),
        (BOTH, {"Python": [0]}, "Python"),
        (BOTH, {"Python": []}, "uvloop or Python and uvloop together"),
        (BOTH, {}, "Python or uvloop"),
        (("uvloop",), {}, "uvloop"),
        ((), {}, ""),
    ],
)
def test_cause(change, upgraded, halves, cause):
    """That which alone brings the change; what no column shows is left open, in words."""
    assert cause_of(change, upgraded, **{name: [change] * len(shown) for name, shown in halves.items()}) == cause


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        (HANG, ()),
        (HANG, (replace(RAN, row="other"),)),
        (CRASH, (replace(RAN, change=Change.GONE),)),
        (SLOWER, (RAN, replace(SLOWER, verdict=SpeedVerdict.INCONCLUSIVE))),
        (SLOWER, (RAN, replace(SLOWER, verdict=None))),
    ],
)
def test_a_column_that_did_not_ask_acquits_nothing(change, asked):
    """It is as if it were not there: a row that it has not, or a figure without a verdict."""
    halves = {PYTHON: changes(*asked), "uvloop": changes(RAN, EQUAL)}
    found = attribute(changes(change), BOTH, halves)
    (attributed,) = (*found.findings, *found.outcomes, *found.figures)
    assert attributed.cause == "Python or Python and uvloop together"


@pytest.mark.parametrize("verdict", [SpeedVerdict.EQUIVALENT, SpeedVerdict.INCONCLUSIVE, None])
def test_a_figure_without_a_change_has_no_cause(verdict):
    """It is not among the things that change."""
    assert cause_of(replace(SLOWER, verdict=verdict), BOTH) == ""


def test_another_change_of_the_same_row_is_no_cause():
    """A half that crashes does not explain a hang, and one that is faster explains no slower figure."""
    repaired = replace(CRASH, change=Change.FIXED, before="crashed", after="completed")
    assert cause_of(HANG, BOTH, Python=[CRASH], uvloop=[HANG]) == "uvloop"
    assert cause_of(CRASH, BOTH, Python=[repaired], uvloop=[]) == "Python and uvloop together"


def test_frequencies_do_not_matter():
    """A crash in 1 of 3 rounds is the same change as one in 2 of 3."""
    assert cause_of(CRASH, BOTH, Python=[replace(CRASH, after="crashed 1/3")], uvloop=[]) == "Python"


def test_what_is_neither_better_nor_worse_has_no_cause():
    """It is not among the things that change for a user."""
    assert cause_of(replace(HANG, change=Change.UNCHANGED), BOTH) == ""


def test_halves():
    """A column with exactly one thing new; another column is none."""
    others = {"uvloop@a": NEW_PYTHON, "uvloop@b": NEW_UVLOOP, "uvloop@c": OLD | {PYTHON: "3.12.1"}}
    assert list_upgraded(OLD, NEW) == BOTH
    assert find_halves(OLD, NEW, others) == {PYTHON: "uvloop@a", "uvloop": "uvloop@b"}
    assert list_upgraded(OLD, NEW_UVLOOP) == ("uvloop",)
    assert find_halves(OLD, OLD, others) == {}
