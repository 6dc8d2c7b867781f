"""The form of a question about the end of a program: one program for each case, each observed from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps

import msgspec

from harness.api import Capability, Grade, Graded, Harm, Probe, Runtime, Scenario, Value, outcomes

from ..parts.programs import Program, Programs, open_programs
from .question import DOES_NOT_END, SCRIPTS

PROGRAMS = "harness_scenarios.behaviours.end_programs"
_TIMEOUT = 90.0
_HANG_AFTER = 40.0
_AT_ONCE = 3
"""Programs at a time: most of their time they wait."""
_LOOK_AGAIN = 0.01
"""A cell that observes six programs makes progress each time one of them has ended."""

AT_ONCE, WITH_THE_JOB, NEVER = "ends at once", "ends when the job does", "does not end"
"""When a program ends."""
NO_END = "no end"
"""The exit status of a program that does not end."""

Observe = Callable[[Program], Awaitable[str]]
"""Watches one program, from its readiness to its end, and returns the answer."""


class Case(msgspec.Struct, frozen=True):
    """A program of a question: the function of `end_programs` that it calls, with its arguments."""

    function: str
    arguments: tuple[str, ...] = ()


def make_end_question(
    observe: Observe,
    *,
    name: str,
    question: str,
    contract: tuple[str, ...],
    ref: str,
    cases: Mapping[str, Case],
    answers: dict[str, Graded],
    catches: tuple[str, ...] = (),
    requires: tuple[Capability, ...] = (),
    variants: tuple[str, ...] = (),
    rows: dict[str, tuple[dict[str, Value], ...]] | None = None,
) -> Scenario:
    """Return the scenario that asks a question of every case, in one cell.

    Args:
        observe: watches one program.
        name: `family.behaviour`.
        question: one sentence with a question mark.
        contract: what must hold, a sentence each.
        ref: `"module:attribute"` where a worker finds the scenario.
        cases: by observation key, the program; the first is the headline.
        answers: every possible answer, graded; the same for each case.
        catches: as in `Scenario`.
        requires: capabilities without which the question makes no sense.
        variants: as in `Scenario`.
        rows: as in `Scenario`; nothing is one row of defaults from the preset `default` on.
    """

    @wraps(observe, assigned=(), updated=())  # `inspect.getsource` shows the observed function
    async def main(runtime: Runtime, probe: Probe) -> None:
        async with open_programs(runtime, probe) as programs, runtime.open_task_group() as group:
            await group.spawn(programs.watch)
            places = runtime.create_semaphore(_AT_ONCE)
            asked: list[str] = []

            async def ask(key: str, case: Case) -> None:
                async with places:
                    answer = await _ask(programs, case)
                probe.step(key, answer)
                probe.observe(key, answer)
                probe.advance()
                asked.append(key)

            for key, case in cases.items():
                await group.spawn(ask, key, case)
            while len(asked) < len(cases):
                await runtime.sleep(_LOOK_AGAIN)
            await group.cancel()

    async def _ask(programs: Programs, case: Case) -> str:
        program = await programs.start(f"{PROGRAMS}:{case.function}", *case.arguments)
        await program.until_ready()
        try:
            return await observe(program)
        finally:
            program.kill()

    return Scenario(
        name=name,
        question=question,
        contract=contract,
        ref=ref,
        roles={"main": main},
        parameters=(),
        judges={key: outcomes(_with_symptom(answers)) for key in cases},
        headline=next(iter(cases)),
        rows=rows or {"quick": (), "default": ({},)},
        catches=catches,
        requires=requires,
        variants=variants,
        side_by_side=True,
        timeout=_TIMEOUT,
        hang_after=_HANG_AFTER,
        scripts=SCRIPTS,
        summary=question,
    )


def _with_symptom(answers: dict[str, Graded]) -> dict[str, Graded]:
    """Return the answers; a program that does not end shows the same behaviour whatever was asked."""
    return {
        answer: Graded(graded.grade, graded.reason, graded.reference, Harm.HANG, DOES_NOT_END)
        if answer.startswith((NEVER, NO_END)) and graded.grade is Grade.FORBIDDEN
        else graded
        for answer, graded in answers.items()
    }


async def when_it_ends(program: Program) -> str:
    """Return when a program ends: before its job is let go, or behind that."""
    if await program.until_ended_or_at_rest():
        return AT_ONCE
    program.open_gate()
    return WITH_THE_JOB if await program.until_ended() else NEVER
