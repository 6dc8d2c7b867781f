"""A judge decides alone: a run, the repeat of disturbed cells and the kit's trial agree with it on every value."""

import math

import msgspec
import pytest

from harness.api import (
    Backend,
    Judge,
    Scenario,
    allowed,
    bounded,
    exact,
    forbidden,
    info,
    interesting,
    metric,
    outcomes,
    trace,
)
from harness.api.judges import NOT_A_NUMBER, UNLISTED, JudgeKind
from harness.execute.cell.disturbed import NoiseRepeats
from harness.model import (
    BackendSpec,
    Cell,
    CellObserved,
    CellResult,
    FindingKind,
    Observed,
    Outcome,
    Resources,
    RoleBackend,
    RoleResult,
)
from harness.testing.trial import Trial
from harness.wire import as_recorded, decode_journal_line, decode_line, encode_line

from ..compare.run_builder import a_run, cell, findings_of

BREACHES = (FindingKind.VIOLATION, FindingKind.SUSPECT_SCENARIO)
ENDS = outcomes(
    {
        "true": allowed(),
        "null": allowed(),
        "1": allowed(),
        "[1,2]": allowed(),
        "[1, 2]": allowed(),
        "late": interesting(),
        "never": forbidden("it has to end"),
    }
)

TABLE = [
    # the same value as the contract: text, number and bool are three kinds
    (exact(1), 1, None),
    (exact(1), 1.0, None),
    (exact(1), True, "is not 1"),
    (exact(1), "1", "is not 1"),
    (exact(1), None, "is not 1"),
    (exact(0), False, "is not 0"),
    (exact(True), True, None),
    (exact(True), 1, "is not true"),
    (exact(True), "true", "is not true"),
    (exact("one"), "one", None),
    (exact("one"), "two", "is not one"),
    (exact("one"), ["one"], "is not one"),
    (exact("1"), 1, 'is not "1"'),
    (exact(2.5), math.nan, "is not 2.5"),
    # without one, only other backends can tell
    (exact(), "anything", None),
    (exact(), math.nan, None),
    # a graded set: a value is looked up as it is written
    (ENDS, True, None),
    (ENDS, "true", None),
    (ENDS, None, None),
    (ENDS, math.nan, None),  # null in a journal
    (ENDS, 1, None),
    (ENDS, 1.0, None),
    (ENDS, [1, 2], None),
    (ENDS, (1, 2), None),
    (ENDS, "late", None),
    (ENDS, "never", "'never' is forbidden"),
    (ENDS, False, UNLISTED),
    (ENDS, "odd", UNLISTED),
    (ENDS, {"true": 1}, UNLISTED),
    # an invariant on a number
    (bounded(at_most=0), 0, None),
    (bounded(at_most=0), -0.0, None),
    (bounded(at_most=0), False, None),
    (bounded(at_most=0), True, "is more than 0"),
    (bounded(at_most=0), 1e-9, "is more than 0"),
    (bounded(at_most=0), math.nan, NOT_A_NUMBER),
    (bounded(at_most=0), math.inf, NOT_A_NUMBER),
    (bounded(at_most=0), -math.inf, NOT_A_NUMBER),
    (bounded(at_most=0), "3", NOT_A_NUMBER),
    (bounded(at_most=0), None, NOT_A_NUMBER),
    (bounded(at_most=0), [0], NOT_A_NUMBER),
    (bounded(at_least=1), 10**18, None),
    (bounded(at_least=1, at_most=2.5), 0, "is less than 1"),
    (bounded(at_least=1, at_most=2.5), 3, "is more than 2.5"),
    (bounded(at_least=1, at_most=2.5), 2.5, None),
    (bounded(), 7, None),
    (bounded(), "many", NOT_A_NUMBER),
    # a figure has no right value, but it is a number
    (metric("ns"), -1, None),
    (metric("ns"), math.nan, NOT_A_NUMBER),
    (metric("ns"), "fast", NOT_A_NUMBER),
    # steps are compared with those of other backends, the rest is shown
    (trace(), "a step", None),
    (info(), "anything", None),
    (info("s"), math.nan, None),
]


def row_name(row):
    """Return the pair of a row of the table as text."""
    judge, value, _ = row
    return f"{type(judge).__name__.lower()}-{value!r}"


async def nothing(runtime, probe):
    """A role that is never run."""


def scenario_of(judge):
    """Return a scenario with this judge of its only key, of which noise may repeat a cell."""
    return Scenario(
        name="asked",
        question="?",
        contract=(),
        ref="",
        roles={"main": nothing},
        parameters=(),
        judges={"fact": judge},
        headline="fact",
        rows={},
        cpu_bound=True,
    )


def breaks_in_a_run(judge, value):
    """Return whether a stored run has a finding about the value, as its worker wrote it."""
    record = cell("trio", observed={"fact": as_recorded([value])})
    return bool(findings_of(a_run(record, judges={"fact": judge}), *BREACHES))


def breaks_in_an_attempt(judge, value, **others):
    """Return whether a disturbed attempt that observed the value is kept, because it shows a breach."""
    asked = Cell(scenario="asked", roles=(RoleBackend("main", BackendSpec("one")),))
    repeats = NoiseRepeats(asked, scenario_of(judge), lambda spec: Backend(name=spec.name, summary="", runner="a:B"))
    for key, each in {"fact": value, **others}.items():
        event = CellObserved(cell_id=asked.id, observation=Observed(role="main", key=key, value=each, at=0.1))
        repeats.see(decode_journal_line(encode_line(event)).observation)
    waited = Resources(wall=1.0, user=0.5, system=0.0, run_delay=0.5)
    role = RoleResult(role="main", backend="one", outcome=Outcome.COMPLETED, resources=waited)
    result = CellResult(cell_id=asked.id, outcome=Outcome.COMPLETED, seconds=1.0, roles=(role,))
    return repeats.conclude(result, is_last=False) is not None


def breaks_in_a_trial(judge, value):
    """Return whether the kit counts the value as a violation."""
    trial = Trial(scenario_of(judge))
    trial.values["fact"] = [value]
    return trial.violations == {"fact"}


@pytest.mark.parametrize("row", TABLE, ids=row_name)
def test_everybody_agrees_with_the_judge(row):
    """What a run reports, what is not repeated and what the kit refuses is what the judge says is broken."""
    judge, value, complaint = row
    assert judge.breaks(as_recorded(value)) == complaint
    expected = complaint is not None
    assert {
        "run": breaks_in_a_run(judge, value),
        "repeat": breaks_in_an_attempt(judge, value),
        "kit": breaks_in_a_trial(judge, value),
    } == {"run": expected, "repeat": expected, "kit": expected}


@pytest.mark.parametrize("judge", {repr(row[0]): row[0] for row in TABLE}.values(), ids=repr)
def test_a_judge_survives_the_journal(judge):
    """Its answers are of its class; only what the scenario declared is stored."""
    again = decode_line(encode_line(judge), Judge)
    assert again == judge
    assert set(msgspec.to_builtins(judge)) == {"type", *judge.__struct_fields__}


@pytest.mark.parametrize(
    ("others", "counts"), [({}, True), ({"pace": "kept"}, True), ({"pace": "lost"}, False), ({"pace": None}, False)]
)
def test_a_condition_is_the_same_for_all(others, counts):
    """Where a bound holds under a condition only, run, repeat and kit look at the same one."""
    judge = bounded(at_most=0, only_where={"pace": "kept"})
    seen = {"fact": 3, **others}
    run = a_run(cell("trio", observed=seen), judges={"fact": judge, "pace": info()})
    scenario = msgspec.structs.replace(scenario_of(judge), judges={"fact": judge, "pace": info()})
    trial = Trial(scenario)
    trial.values.update({key: [value] for key, value in seen.items()})
    assert judge.is_about(trial.values) is counts
    assert bool(findings_of(run, *BREACHES)) is counts
    assert (trial.violations == {"fact"}) is counts
    assert breaks_in_an_attempt(judge, 3, **others) is counts


class OneOf(JudgeKind, frozen=True, kw_only=True):
    """A judge that no other part of harness has heard of."""

    members: tuple[str, ...]
    reason: str = ""

    is_owed = True

    def breaks(self, value):
        """Return whether the value is a member."""
        return None if value in self.members else "is no member"

    def expects(self, key):
        """Name the members."""
        return f"{key} in {', '.join(self.members)}"


def test_a_new_judge_needs_its_own_class_only():
    """Comparison, repeat and kit ask it; its finding has its contract and its reason."""
    judge = OneOf(members=("a", "b"), reason="the alphabet")
    assert not breaks_in_a_run(judge, "a")
    assert breaks_in_a_run(judge, "z")
    assert breaks_in_an_attempt(judge, "z")
    assert breaks_in_a_trial(judge, "z")
    run = a_run(cell("trio", observed={"fact": "z"}), cell("curio", observed={"fact": "a"}), judges={"fact": judge})
    (finding,) = findings_of(run)
    assert (finding.title, finding.expected, finding.reason) == ("fact is no member", "fact in a, b", "the alphabet")
    assert finding.backends == ("trio",)
