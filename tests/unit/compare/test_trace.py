"""Traces: order within an actor, none between actors."""

import random

from hypothesis import given
from hypothesis import strategies as st

from harness.api import trace
from harness.compare.trace import Point, first_divergence
from harness.model import FindingKind, Outcome

from .run_builder import a_run, cell, groups_of, observations, only_finding, steps

JUDGES = {"trace": trace(reason="documented", reference="docs")}
DONE = Outcome.COMPLETED


def run_of(**traces):
    """Return a run with a cell for each backend: `trio=dict(reader="wait end")`, a list is one for each round."""
    cells = [
        cell(name, DONE, *steps(**actors), round=number)
        for name, rounds in traces.items()
        for number, actors in enumerate(rounds if isinstance(rounds, list) else [rounds], 1)
    ]
    return a_run(*cells, judges=JUDGES)


def recorded(*pairs):
    """Return steps of actors in the order in which they were recorded."""
    return [(("main", actor), what) for actor, what in pairs]


def test_interleaving_is_no_difference():
    """Who runs first is the scheduler's business."""
    one = recorded(("a", "1"), ("a", "2"), ("b", "1"))
    other = recorded(("b", "1"), ("a", "1"), ("a", "2"))
    assert first_divergence([one, other]) is None


def test_the_first_difference_in_the_order_of_the_record():
    """Of two actors that differ, the one whose step was recorded first."""
    one = recorded(("a", "1"), ("b", "1"), ("a", "2"))
    other = recorded(("a", "1"), ("a", "x"), ("b", "y"))
    assert first_divergence([one, other]) == Point(("main", "b"), 0, ("1", "y"))


def test_a_trace_that_ends_early():
    """A missing step is a difference, on either side."""
    short, whole = recorded(("a", "1")), recorded(("a", "1"), ("a", "2"))
    assert first_divergence([whole, short]) == Point(("main", "a"), 1, ("2", "(no further step)"), "1")
    assert first_divergence([short, whole]) == Point(("main", "a"), 1, ("(no further step)", "2"), "1")


TRACES = st.lists(st.tuples(st.tuples(st.just("main"), st.sampled_from("ab")), st.sampled_from("xyz")), max_size=8)


def by_actor(trace):
    """Return the steps of each actor."""
    return {actor: [what for who, what in trace if who == actor] for actor, _ in trace}


@given(TRACES, TRACES)
def test_no_divergence_exactly_if_every_actor_took_the_same_steps(one, other):
    """Neither a false alarm nor a miss."""
    assert (first_divergence([one, other]) is None) == (by_actor(one) == by_actor(other))


@given(TRACES, st.randoms(use_true_random=False))
def test_every_interleaving_is_the_same_trace(trace, random: random.Random):
    """Steps are shuffled between actors and kept in order within each."""
    rest = {actor: list(sequence) for actor, sequence in by_actor(trace).items()}
    shuffled = []
    while rest:
        actor = random.choice(sorted(rest))
        shuffled.append((actor, rest[actor].pop(0)))
        rest = {name: left for name, left in rest.items() if left}
    assert first_divergence([trace, shuffled]) is None


def test_a_divergence_is_placed():
    """It says at which step of whom, after what, and who took which."""
    same = {"reader": "wait wake end", "writer": "send close"}
    finding = only_finding(run_of(asyncio=same, uvloop=same, trio=same | {"reader": "wait cancelled"}))
    assert (finding.kind, finding.backends, finding.title) == (FindingKind.DIVERGENCE, ("trio",), "trace diverges")
    assert finding.divergence == "reader, step 2, after 'wait'"
    assert groups_of(finding) == {"wake": ("asyncio", "uvloop"), "cancelled": ("trio",)}
    assert (finding.reason, finding.reference) == ("documented", "docs")


def test_the_majority_is_walked_whatever_its_place():
    """The order of the columns decides nothing."""
    same = {"a": "1 2", "b": "1"}
    assert only_finding(run_of(trio={"b": "x"}, asyncio=same, uvloop=same)).divergence == "a, step 1"


def test_a_backend_that_varies_is_its_own_finding():
    """Its rounds differ from each other, so it is not compared with the others."""
    finding = only_finding(run_of(asyncio=[{"a": "1 2"}] * 2, trio=[{"a": "1 2"}, {"a": "2 1"}]))
    assert (finding.title, finding.backends) == ("trace varies on one backend", ("trio",))
    assert finding.divergence == "a, step 1 on trio"
    assert groups_of(finding) == {"1": ("trio 1/2",), "2": ("trio 1/2",)}


def test_a_completed_cell_without_steps_differs():
    """Others took some."""
    run = a_run(cell("asyncio", DONE, *steps(a="1")), cell("trio"), judges=JUDGES)
    assert groups_of(only_finding(run)) == {"1": ("asyncio",), "(no further step)": ("trio",)}


def test_values_of_a_trace_key_are_its_steps():
    """A scenario may observe them instead."""
    cells = [cell(name, observed={"trace": text.split()}) for name, text in (("asyncio", "a b"), ("trio", "a c"))]
    assert only_finding(a_run(*cells, judges=JUDGES)).divergence == "trace, step 2, after 'a'"


def test_last_step_of_a_hang():
    """Each actor's last step, against a backend that came to the end."""
    run = a_run(
        cell("asyncio", DONE, *steps(reader="wait wake end", writer="send close")),
        cell("trio", Outcome.HUNG, *steps(reader="wait")),
        judges=JUDGES,
    )
    assert only_finding(run).divergence == "reader: 'wait' (step 1 of 3 on asyncio); writer: never started"


def test_last_observation_of_a_hang_without_steps():
    """Something is better than nothing."""
    run = a_run(cell("trio", Outcome.HUNG, *observations({"sent": 3})), judges={})
    assert only_finding(run).divergence == "sent = 3, observed after 0.5 s"
