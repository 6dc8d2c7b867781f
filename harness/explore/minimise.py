"""Find the smallest program that fails as another one did, and the smallest change of order that makes it fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from .clauses import Clause
from .failure import Failing, Failure
from .grammar import Rule
from .leftovers import Leftovers
from .posix import Limits, Page, Send, run_in_child
from .program import Operation, Operations, Program, decode_program, encode_program
from .schedules import Deviations, enumerate_deviations
from .shrink import Shrunk, shrink
from .trial import Result

if TYPE_CHECKING:
    from .batch import Batch

Run = Callable[[Program, Any], Result]
"""Runs a program under a schedule, which is named or given."""

_ORDERS = 6
"""Other schedules under which a candidate is tried; the native order comes first, and is worth more."""
_NATIVE = tuple(f"native {seed}" for seed in range(4))
"""A runtime may have a coin in its own order."""
_MOST_CANDIDATES = 300
_MOST_APART = 24
_APART = Limits(cpu=1.0, sleeps=4)
"""Of a candidate for a smaller program that hangs: each costs as much as that."""
_MOST_VARIATIONS = 400
_MOST_DEVIATIONS = 400
_SWAP_SHARE = 0.6


def minimise(batch: Batch, name: str, failing: Failing) -> Failure:
    """Return a failing program with the smallest one that fails in the same way.

    The search has a process of its own. Where a candidate ends that, the smallest program so far is taken.
    """
    program = batch.make_program(failing.number)
    best: dict[str, Any] = {"program": encode_program(program), "schedule": failing.schedule, "tried": 1}
    if failing.ended_process:
        _shrink_apart(batch, failing, program, best.update)
    else:
        run_in_child(partial(_shrink, batch, failing, program), best.update, attend=batch.attend)
    smallest = decode_program(best["program"])
    return Failure(
        program=name,
        clause=failing.clause,
        detail=best.get("detail") or failing.detail,
        found_under=failing.schedule,
        schedule=best["schedule"],
        found_size=program.size,
        tried=best["tried"],
        smallest=smallest,
        native=decode_program(best["native"]) if "native" in best else smallest,
    )


def _shrink(batch: Batch, failing: Failing, program: Program, send: Send, page: Page) -> None:
    trial, leftovers = batch.make_trial(), Leftovers()
    rules = batch.grammar.all_rules()

    def run(candidate: Program, schedule: Any) -> Result:
        page.number += 1
        return leftovers.judge(trial.run(candidate, schedule))

    run(program, "native 0")
    smallest = find_smallest(run, program, failing.schedule, failing.clause, rules)
    schedule = smallest.schedule
    if not schedule.startswith("native"):
        schedule = find_fewest_deviations(run, smallest.program, failing.clause) or schedule
    detail = run(smallest.program, schedule).detail
    found = {"program": encode_program(smallest.program), "schedule": schedule, "tried": smallest.tried}
    send({**found, "detail": detail})
    if not schedule.startswith("native"):
        native = find_native(run, smallest.program, failing.clause, rules)
        send({"native": encode_program(native)})


def find_smallest(run: Run, program: Program, schedule: str, clause: Clause, rules: Mapping[str, Rule]) -> Shrunk:
    """Return the smallest program that breaks the clause under some order, in the native one if that does."""
    others = [schedule, *(f"{kind} {seed}" for seed in range(_ORDERS // 2) for kind in ("shuffle", "pct"))]
    return shrink(program, schedule, _failing(run, clause, [*_NATIVE, *others]), rules, _MOST_CANDIDATES)


def find_fewest_deviations(run: Run, program: Program, clause: Clause) -> str:
    """Return the schedule nearest to the native order that breaks the clause, or nothing if two deviations do not."""
    return next((name for name, result in run_deviations(run, program) if result.clause is clause), "")


def run_deviations(run: Run, program: Program, most: int = 2) -> Iterator[tuple[str, Result]]:
    """Run a program in every order with so many deviations from the native one, as far as a small program has them."""
    native = Deviations()
    yield native.name, run(program, native)
    for choices in islice(enumerate_deviations(native.ready_counts, most), _MOST_DEVIATIONS):
        schedule = Deviations(choices)
        yield schedule.name, run(program, schedule)


def find_native(run: Run, program: Program, clause: Clause, rules: Mapping[str, Rule]) -> Program:
    """Return a program that breaks the clause in the native order, or the program itself if none is found.

    Other orders of its tasks, and checkpoints, can take a schedule's place: such a program fails on the runtime as it
    is, and so does a script of it.
    """
    fails = _failing(run, clause, _NATIVE)
    for varied in vary_natively(program, _MOST_VARIATIONS):
        if found := fails(varied):
            return shrink(varied, found, fails, rules, _MOST_CANDIDATES).program
    return program


def _failing(run: Run, clause: Clause, orders: Sequence[str]) -> Callable[[Program], str]:
    def find(candidate: Program) -> str:
        return next((name for name in orders if run(candidate, name).clause is clause), "")

    return find


def vary_natively(program: Program, most: int) -> Iterator[Program]:
    """Yield variations that imitate a schedule in the native order: other orders of the tasks, more checkpoints."""
    source = random.Random(str(program))  # noqa: S311 - an order, not a secret
    for _ in range(most):
        order = list(range(len(program.tasks)))
        if source.random() < _SWAP_SHARE:
            source.shuffle(order)
        places = {old: new for new, old in enumerate(order)}
        tasks = (program.tasks[old] for old in order)
        yield Program(program.resources, tuple(_padded(_retargeted(task, places), source) for task in tasks))


def _retargeted(operations: Operations, places: Mapping[int, int]) -> Operations:
    return tuple(
        replace(
            each,
            target=places[each.target] if each.name == "cancel" else each.target,
            body=_retargeted(each.body, places),
            children=tuple(_retargeted(child, places) for child in each.children),
        )
        for each in operations
    )


def _padded(operations: Operations, source: random.Random, share: float = 0.7) -> Operations:
    """Return the operations with checkpoints at the start of most of them, and now and then inside."""
    padded: list[Operation] = []
    for each in operations:
        if source.random() < share:
            padded.append(Operation("checkpoint", 0, source.randint(1, 4)))
        padded.append(replace(each, body=_padded(each.body, source, 0.3)))
        share = 0.3
    return tuple(padded)


def _shrink_apart(batch: Batch, failing: Failing, program: Program, send: Callable[[Any], None]) -> None:
    """Find the smallest program that takes its process with it in the same way; each candidate has its own process."""

    def body(candidate: Program, send: Send, page: Page) -> None:
        del send, page
        batch.make_trial().run(candidate, "native 0")

    def fails(candidate: Program) -> str:
        ending = run_in_child(partial(body, candidate), lambda _message: None, attend=batch.attend, limits=_APART)
        return "native 0" if ending.reason and ending.hung == (failing.clause is Clause.HANG) else ""

    smallest = shrink(program, "native 0", fails, batch.grammar.all_rules(), _MOST_APART)
    send({"program": encode_program(smallest.program), "tried": smallest.tried})
