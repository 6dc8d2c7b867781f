"""An exploration as a scenario: a batch of programs of one family is a cell."""

from __future__ import annotations

from functools import partial

from harness.api import Judge, Parameter, Probe, Runtime, Scenario, Subject, bounded, info

from .batch import Batch
from .clauses import HARMS, REASONS, Clause
from .failure import program_key
from .families import FAMILIES
from .grammar import Grammar

PREFIX = "explore."
"""Of the names of these scenarios."""
BATCH = 250
"""Programs of a cell."""
SCHEDULES = 3
"""Orders that each program is run in: the native one, a shuffle, one with priorities."""

PARAMETERS = (
    Parameter(name="programs", default=BATCH, summary="programs of a batch", at_least=1),
    Parameter(name="schedules", default=SCHEDULES, summary="orders in which each program is run", at_least=1),
    Parameter(
        name="deviations",
        default=0,
        summary="also every order with so many deviations from the native one, of programs that have few",
        at_least=0,
        at_most=2,
    ),
    Parameter(name="seed", default=None, summary="seed of the programs; none for that of the cell", nullable=True),
    Parameter(name="first", default=0, summary="number of the first program", at_least=0),
    Parameter(name="against", default="", summary="schedules of a runtime to compare final states with"),
    Parameter(name="trace", default=False, summary="record each step of each task"),
)


async def start(runtime: Runtime, probe: Probe) -> None:
    """Show that the runtime starts; the programs have runs of their own."""
    del probe
    await runtime.checkpoint()


def make_exploration(
    family: str, grammar: Grammar, ref: str, summary: str = "", topics: tuple[str, ...] = ()
) -> Scenario:
    """Return the scenario `explore.FAMILY` of a grammar.

    Args:
        family: a word; programs are called `FAMILY/SEED/NUMBER`.
        grammar: what its programs are made of.
        ref: `"module:attribute"` where the scenario is found.
        summary: what its programs do.
        topics: words of a user for the operations, beside the family.
    """
    judges: dict[str, Judge] = {
        clause.value: bounded(
            at_most=0, reason=REASONS[clause], explained_by=(program_key(clause),), harm=HARMS.get(clause)
        )
        for clause in Clause
    }
    return Scenario(
        name=f"{PREFIX}{family}",
        question=f"Does a generated program of {summary or family} break the contract under some order of steps?",
        contract=tuple(f"{reason[:1].upper()}{reason[1:]}." for reason in REASONS.values()),
        ref=ref,
        roles={"main": start},
        parameters=PARAMETERS,
        judges={
            "programs": info(),
            "runs": info(),
            "distinct final states": info(),
            "failing programs": info(),
            "excluded programs": info(),
            "differing programs": info(),
            "difference": info(),
            "failure": info(),
            **judges,
            **{program_key(clause): info() for clause in Clause},
        },
        headline="programs",
        rows={"quick": (), "thorough": ({},)},
        requires=grammar.requires,
        catches=grammar.catches,
        side_by_side=True,
        timeout=900.0,
        hang_after=30.0,
        summary=summary or f"generated programs of {family}",
        topics=topics or (family,),
        drive=partial(_drive, family, grammar),
    )


def _drive(family: str, grammar: Grammar, subject: Subject, probe: Probe) -> None:
    Batch(family, grammar, subject, probe).run()


_SUMMARIES = {
    "lock": "a lock",
    "semaphore": "a semaphore",
    "condition": "a condition",
    "event": "events",
    "channel": "a channel",
    "group": "task groups that fail and are cancelled",
    "scope": "scopes, deadlines and shields",
    "offload": "calls in threads",
    "stream": "a pair of connected streams",
    "mixed": "a lock, a channel, an event, a condition and groups",
}

_TOPICS = {
    "lock": ("lock", "synchronisation"),
    "semaphore": ("semaphores", "synchronisation"),
    "condition": ("conditions", "synchronisation"),
    "event": ("events", "synchronisation"),
    "channel": ("channel", "queues"),
    "group": ("group", "task-groups", "nurseries", "cancellation"),
    "scope": ("deadline", "timeouts", "cancel", "cancel-scopes", "cancellation"),
    "offload": ("offload", "threads", "executors"),
    "stream": ("stream", "streams", "sockets"),
    "mixed": ("lock", "conditions", "group", "task-groups"),
}

lock, semaphore, condition, event, channel, group, scope, offload, stream, mixed = EXPLORATIONS = tuple(
    make_exploration(name, grammar, f"{__name__}:{name}", _SUMMARIES[name], _TOPICS[name])
    for name, grammar in FAMILIES.items()
)
