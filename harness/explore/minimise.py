"""Find the smallest program that fails as another one did, in this process or in processes of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from .clauses import Clause
from .grammar import Rule
from .posix import Page, Send, end_if_slow, run_in_child
from .program import Operation, Operations, Program
from .shrink import Shrunk, shrink
from .trial import Trial

_ORDERS = 6
"""Other schedules under which a candidate is tried; the native order comes first, and is worth more."""
_NATIVE = tuple(f"native {seed}" for seed in range(4))
"""A runtime may have a coin in its own order."""
_MOST_CANDIDATES = 300
_MOST_APART = 24
_MOST_VARIATIONS = 400
_SWAP_SHARE = 0.6


def find_smallest(
    trial: Trial,
    program: Program,
    schedule: str,
    clause: Clause,
    rules: Mapping[str, Rule],
    advance: Callable[[], None],
) -> Shrunk:
    """Return the smallest program that breaks the clause under some order, in the native one if that does."""
    others = [schedule, *(f"{kind} {seed}" for seed in range(_ORDERS // 2) for kind in ("shuffle", "pct"))]
    fails = _failing(trial, clause, [*_NATIVE, *others], advance)
    return shrink(program, schedule, fails, rules, _MOST_CANDIDATES)


def find_native(
    trial: Trial, program: Program, clause: Clause, rules: Mapping[str, Rule], advance: Callable[[], None]
) -> Program:
    """Return a program that breaks the clause in the native order, or the program itself if none is found.

    Other orders of its tasks, and checkpoints, can take a schedule's place: such a program fails on the runtime as it
    is, and so does a script of it.
    """
    fails = _failing(trial, clause, _NATIVE, advance)
    for varied in vary_natively(program, _MOST_VARIATIONS):
        if found := fails(varied):
            return shrink(varied, found, fails, rules, _MOST_CANDIDATES).program
    return program


def _failing(
    trial: Trial, clause: Clause, orders: Sequence[str], advance: Callable[[], None]
) -> Callable[[Program], str]:
    def find(candidate: Program) -> str:
        advance()
        return next((name for name in orders if trial.run(candidate, name).clause is clause), "")

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


def find_smallest_apart(
    make_trial: Callable[[], Trial],
    program: Program,
    rules: Mapping[str, Rule],
    advance: Callable[[], None],
    *,
    hung: bool,
    seconds: float,
) -> Shrunk:
    """Return the smallest program that takes its process with it in the same way; each candidate has its own process.

    Args:
        make_trial: as of the batch.
        program: hangs or crashes.
        rules: of the grammar.
        advance: reports progress.
        hung: whether it hangs.
        seconds: after which a program hangs, counted from when it starts.
    """

    def fails(candidate: Program) -> str:
        advance()

        def body(send: Send, page: Page) -> None:
            del send, page
            trial = make_trial()
            end_if_slow(seconds)
            trial.run(candidate, "native 0")

        ending = run_in_child(body, lambda _message: None, hang_after=3 * seconds, memory=256 << 20)
        return "native 0" if ending.reason and ending.hung == hung else ""

    return shrink(program, "native 0", fails, rules, _MOST_APART)
