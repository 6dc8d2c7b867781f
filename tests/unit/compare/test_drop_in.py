"""Does a candidate do what its baseline does: pairs by idiom, steady differences, and what is better."""

import msgspec
import pytest

from harness.api import Harm, allowed, bounded, exact, forbidden, info, outcomes
from harness.compare import compare, find_doubtful
from harness.model import Candidate, CheckResult, Expectation, FindingKind, Outcome

from .run_builder import a_run, cell

JUDGES = {
    "answer": outcomes(
        {
            "a": allowed(),
            "b": allowed("as documented"),
            "raises broken": allowed(harm=Harm.ERROR),
            "raises other": allowed(harm=Harm.ERROR),
            "stuck": forbidden("it waits for ever", harm=Harm.HANG),
            "sooner": allowed("earlier than asked for", better_than=("b", "late")),
            "late": allowed("in the end"),
            "taken": forbidden("its socket is there", follows_from="a socket stays open"),
        }
    ),
    "lost": bounded(at_most=0, harm=Harm.DATA),
    "order": exact(),
    "raised": info(),
}
LOOP = "base:loop=x"


def verdict(*records, checks=(), expectations=(), candidate=LOOP):
    run = a_run(*records, judges=JUDGES, headline="answer")
    chosen = Candidate(backend=candidate, baseline="base", checks=checks)
    request = msgspec.structs.replace(run.started.request, candidate=chosen)
    run = msgspec.structs.replace(
        run, started=msgspec.structs.replace(run.started, request=request, expectations=expectations)
    )
    return run, compare(run).drop_in


def rounds(backend, *answers, **others):
    return [cell(backend, round=n, observed={"answer": answer}, **others) for n, answer in enumerate(answers, 1)]


def shown(drop_in):
    return [(d.backend, d.expected, d.seen) for d in drop_in.differences]


def test_the_same_is_a_drop_in():
    """Also where both break the contract, and where figures differ within their bounds."""
    _, drop_in = verdict(*rounds("base", "stuck"), *rounds(LOOP, "stuck"))
    assert (drop_in.is_drop_in, drop_in.compared, drop_in.causes) == (True, 1, ())
    _, drop_in = verdict(cell("base", observed={"lost": -1}), cell(LOOP, observed={"lost": -2}))
    assert drop_in.is_drop_in


def test_values_may_be_lists():
    """They are compared as they are written."""
    _, drop_in = verdict(cell("base", observed={"order": [[1, 2]]}), cell(LOOP, observed={"order": [[2, 1]]}))
    assert shown(drop_in) == [(LOOP, ("[1, 2]",), ("[2, 1]",))]


def test_what_the_contract_leaves_open_is_a_difference_too():
    """A program that was written for the baseline meets it."""
    _, drop_in = verdict(*rounds("base", "a", "a"), *rounds(LOOP, "b", "b"))
    assert not drop_in.is_drop_in
    assert shown(drop_in) == [(LOOP, ("a",), ("b",))]
    assert [cause.title for cause in drop_in.causes] == ["b"]
    assert not drop_in.differences[0].is_breach


def test_each_idiom_is_held_against_the_baselines_own():
    """`io=sock` with `io=sock`, and never with the default."""
    records = [
        *rounds("base", "a"),
        *rounds("base:io=sock", "b"),
        *rounds(LOOP, "a"),
        *rounds("base:io=sock,loop=x", "b"),
    ]
    _, drop_in = verdict(*records)
    assert (drop_in.is_drop_in, drop_in.compared) == (True, 2)


@pytest.mark.parametrize(
    ("base", "loop", "differs"),
    [
        (("a", "a", "a"), ("b", "b", "b"), True),  # steady
        (("a", "a", "a"), ("a", "b", "b"), False),  # the candidate does both
        (("a", "b", "a"), ("b", "b", "b"), False),  # the baseline does it as well
        (("a", "a", "a"), ("a", "stuck", "stuck"), True),  # breaks the contract twice
        (("a", "a", "a"), ("a", "a", "stuck"), False),  # once may be chance
    ],
)
def test_what_shows_now_and_then_is_no_difference(base, loop, differs):
    """Unless it breaks the contract again; what was seen once is counted as unsteady."""
    _, drop_in = verdict(*rounds("base", *base), *rounds(LOOP, *loop))
    assert bool(drop_in.differences) is differs
    assert drop_in.unsteady == (0 if differs or "b" in base else 1)


@pytest.mark.parametrize(
    ("backends", "value", "differs"), [("base", "stuck", False), (LOOP, "stuck", True), ("base", "b", True)]
)
def test_a_known_breach_of_the_baseline_that_did_not_show_is_no_difference(backends, value, differs):
    """What is known of the candidate alone is one."""
    known = Expectation(
        scenario="drain", backends=(backends,), key="answer", value=value, reason="gh-1", sometimes=True
    )
    records = [*rounds("base", "a", "a"), *rounds(LOOP, "stuck", "stuck")]
    _, drop_in = verdict(*records, expectations=(known,))
    assert bool(drop_in.differences) is differs


def test_what_the_baseline_is_known_to_leave_behind_or_drop_is_no_difference():
    """Such a finding has a kind and no value."""
    leak = [cell("base"), cell(LOOP, leaks=("fd 3 socket:[1]",))]
    _, drop_in = verdict(*leak)
    assert not drop_in.is_drop_in
    known = Expectation(
        scenario="drain", backends=("base",), finding=FindingKind.LEFTOVER, reason="gh-1", sometimes=True
    )
    _, drop_in = verdict(*leak, expectations=(known,))
    assert drop_in.is_drop_in


def test_doubtful_rows_get_more_rounds():
    """Those in which the candidate shows something else, and no other row."""
    run, _ = verdict(
        *rounds("base", "a"),
        *rounds(LOOP, "b"),
        *rounds("base", "a", parameters={"n": 1}),
        *rounds(LOOP, "a", parameters={"n": 1}),
    )
    assert [str(row) for row in find_doubtful(run)] == ["drain"]
    assert find_doubtful(a_run(*rounds("base", "a"), *rounds(LOOP, "b"), judges=JUDGES)) == ()


def test_what_the_baseline_gets_wrong_and_the_candidate_does_not_is_better():
    """It is named, and no difference."""
    _, drop_in = verdict(*rounds("base", "stuck"), *rounds(LOOP, "a"))
    assert drop_in.is_drop_in
    assert [(d.expected, d.seen) for d in drop_in.better] == [(("stuck",), ("a",))]
    _, hang = verdict(cell("base", Outcome.HUNG), *rounds(LOOP, "a"))
    assert [d.expected for d in hang.better] == [("hangs",)]


@pytest.mark.parametrize(
    ("base", "loop", "is_better"),
    [
        (["b"], ["sooner"], True),
        (["b", "late"], ["sooner", "sooner"], True),
        (["b", "a"], ["sooner", "sooner"], False),
        (["sooner"], ["b"], False),
        (["b", "b"], ["sooner", "a"], False),
    ],
)
def test_what_a_scenario_declares_as_better_is_no_difference(base, loop, is_better):
    """All that the candidate shows is better than all that the baseline does: no program is hurt."""
    _, drop_in = verdict(*rounds("base", *base), *rounds(LOOP, *loop))
    assert bool(drop_in.better) is is_better
    if is_better:
        assert (drop_in.is_drop_in, drop_in.unsteady) == (True, 0)
        assert drop_in.better[0].seen == ("sooner",)


def test_the_same_class_and_errno_is_the_same_error():
    """How a message is worded is no behaviour."""

    def raising(backend, answer, fact):
        return cell(backend, observed={"answer": answer, "raised": fact})

    _, drop_in = verdict(raising("base", "raises broken", "E(104)"), raising(LOOP, "raises other", "E(104)"))
    assert drop_in.is_drop_in
    _, drop_in = verdict(raising("base", "raises broken", "E(104)"), raising(LOOP, "raises other", "RuntimeError()"))
    assert [(d.seen, d.raised) for d in drop_in.differences] == [(("raises other",), ("RuntimeError()",))]


def test_a_gap_is_no_drop_in_and_what_did_not_run_is_said():
    """Each reason once, with a count."""
    gap = CheckResult(name="TLS", gap="NotImplementedError")
    _, drop_in = verdict(*rounds("base", "a"), *rounds(LOOP, "a"), checks=(gap,))
    assert not drop_in.is_drop_in
    skipped = cell(LOOP, Outcome.UNSUPPORTED, reason="TLS: NotImplementedError", scenario="tls")
    _, drop_in = verdict(*rounds("base", "a"), *rounds(LOOP, "a"), cell("base", scenario="tls"), skipped)
    assert drop_in.not_compared == ("TLS: NotImplementedError (1)",)


def test_the_worst_is_first_and_leaks_show_best_by_an_answer():
    """A cell that leaves something behind and grows has one cause."""
    leak = {"leaks": ("fd 3 socket:[1]",)}
    records = [
        *rounds("base", "a"),
        *rounds(LOOP, "b"),
        cell("base", scenario="leak"),
        cell(LOOP, scenario="leak", **leak),
        cell("base", scenario="hang", observed={"answer": "a"}),
        cell(LOOP, scenario="hang", observed={"answer": "stuck"}),
    ]
    _, drop_in = verdict(*records)
    assert [(str(c.harm), c.title) for c in drop_in.causes] == [
        ("hang", "a wait never ends"),
        ("leak", "a socket stays open"),
        ("wrong answer", "b"),
    ]


def test_several_open_answers_to_one_question_are_one_difference():
    """The candidate gives now one and now the other; the baseline gives neither."""
    answers = [["b", "raises other"]] * 2
    _, drop_in = verdict(*rounds("base", "a", "a"), *rounds(LOOP, *answers))
    assert [d.seen for d in drop_in.differences] == [("b", "raises other")]
    assert len(drop_in.causes) == 1


def test_another_error_is_named_by_what_a_program_catches():
    """Class and errno of both."""
    base = cell("base", observed={"answer": "raises broken", "raised": "E(104)"})
    loop = cell(LOOP, observed={"answer": "raises other", "raised": "RuntimeError()"})
    _, drop_in = verdict(base, loop)
    assert [cause.title for cause in drop_in.causes] == ["raises RuntimeError(); base raises E(104)"]
