"""The form of every behaviour scenario: one small question, asked many times, each answer a graded outcome."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from harness.api import (
    HANG_TASKS,
    ORDER,
    RAISED,
    Capability,
    Graded,
    Harm,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    Value,
    info,
    outcomes,
    prepare_certificates,
)

from ..parts.calls import find_calls, find_prerequisites, list_columns

ANSWER = "answer"
"""Observation key of the answer of a trial."""
NEVER_ENDS = "never ends"
"""The answer of a trial that was still waiting at its limit. It is forbidden unless a question lists it."""
DOES_NOT_END = "the program does not end"
"""The symptom of an exit or interrupt that does not end the run."""
SCRIPTS = "harness_scenarios:scripts"
"""Where the standalone reproducers of this package lie."""
TRIAL_SECONDS = 3.0
"""Limit of a trial. A healthy one waits for milliseconds; the rest is for a loaded machine."""
LONG_TRIAL_SECONDS = 6.0
"""Limit of a trial with many cases in it, of which a healthy one takes a few tenths of a second."""
_LOOK_AFTER = 0.9
"""Share of the limit of a trial after which its tasks are looked at."""
HANG_SECONDS = 6.0
"""A trial that cannot be cancelled either makes its cell a hang."""


class Trial:
    """One repetition of a question, with its means to record steps."""

    def __init__(self, probe: Probe, number: int) -> None:
        self.number = number
        self.parameters: Mapping[str, Any] = probe.parameters
        self.random = random.Random(f"{probe.seed}/{number}")  # noqa: S311 - to be repeated, not to be secret
        """The same numbers on every backend."""
        self._probe = probe
        self.tasks: list[str] = []
        """Where each task was when a call of the trial was given up."""

    def step(self, actor: str, what: str) -> None:
        """Record a step of an actor. The first repetition is the one whose trace is kept."""
        if self.number == 0:
            self._probe.step(actor, what)

    def look(self) -> None:
        """Note where each task is: a call is about to be given up."""
        self.tasks = self.tasks or self._probe.describe_tasks()

    def observe(self, key: str, value: object) -> None:
        """Record a fact beside the answer."""
        self._probe.observe(key, value)


class PrerequisiteError(Exception):
    """A precondition of a question does not hold; its text is a listed answer."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


Ask = Callable[[Runtime, Trial], Awaitable[str]]
"""One repetition. Returns the answer; leaves nothing behind."""


def make_question(
    ask: Ask,
    *,
    name: str,
    question: str,
    contract: tuple[str, ...],
    ref: str,
    answers: dict[str, Graded],
    repetitions: int = 20,
    judges: dict[str, Judge] | None = None,
    parameters: tuple[Parameter, ...] = (),
    rows: dict[str, tuple[dict[str, Value], ...]] | None = None,
    requires: tuple[Capability, ...] = (),
    variants: tuple[str, ...] = (),
    seconds: float = TRIAL_SECONDS,
    side_by_side: bool = True,
    screening: bool = True,
    catches: tuple[str, ...] = (),
) -> Scenario:
    """Return the scenario that asks a question.

    Args:
        ask: one repetition.
        name: `family.behaviour`.
        question: one sentence with a question mark.
        contract: what must hold, a sentence each.
        ref: `"module:attribute"` where a worker finds the scenario.
        answers: every possible answer, graded.
        repetitions: how often it is asked; 1 where the answer cannot vary.
        judges: of the facts beside the answer.
        parameters: beside `repetitions`.
        rows: as in `Scenario`; nothing is one row of defaults. Those given for `quick` are what `default` has: a
            screening asks the first of them.
        requires: capabilities without which the question makes no sense.
        variants: backend specs that are asked too, if their backend is selected, beside those of its calls: tasks
            that start at once for a question that spawns, plain sockets for one that connects.
        seconds: limit of a trial.
        screening: whether a screening (the preset `quick`) asks it.
        side_by_side: whether cells of it may run beside others; not if it depends on times.
        catches: as in `Scenario`.
    """

    @wraps(ask, assigned=(), updated=())  # `inspect.getsource` shows the question, a task keeps its own name
    async def main(runtime: Runtime, probe: Probe) -> None:
        for number in range(probe.parameters["repetitions"]):
            trial = Trial(probe, number)
            with probe.looking_after(seconds * _LOOK_AFTER) as tasks:
                answer = await _ask_once(runtime, trial)
            probe.observe(ANSWER, answer)
            if NEVER_ENDS in answer:
                for line in trial.tasks or tasks:
                    probe.observe(HANG_TASKS, line)
            probe.advance()
            if answer == NEVER_ENDS:
                break  # asked again it would only take as long again

    async def _ask_once(runtime: Runtime, trial: Trial) -> str:
        async with runtime.move_on_after(seconds):
            try:
                return await ask(runtime, trial)
            except PrerequisiteError as exc:
                return exc.answer
        return NEVER_ENDS

    calls = find_calls(ask)
    return Scenario(
        name=name,
        question=question,
        contract=contract,
        ref=ref,
        roles={"main": main},
        parameters=(_repetitions(repetitions), *parameters),
        judges={
            ANSWER: outcomes(_with_harm(answers)),
            RAISED: info(),
            HANG_TASKS: info(),
            ORDER: info(),
            **(judges or {}),
        },
        headline=ANSWER,
        rows=_screened(rows or {}, screening=screening),
        requires=requires,
        prerequisites=find_prerequisites(name, calls),
        variants=tuple(dict.fromkeys((*variants, *list_columns(calls)))),
        side_by_side=side_by_side,
        timeout=60.0,
        hang_after=HANG_SECONDS + seconds - TRIAL_SECONDS,
        scripts=SCRIPTS,
        summary=question,
        preflight=_prepare_certificates if Capability.TLS in requires else None,
        catches=catches,
    )


def _prepare_certificates(_: Mapping[str, Value]) -> str:
    return prepare_certificates()


def _with_harm(answers: dict[str, Graded]) -> dict[str, Graded]:
    """Return the answers, with the harm of those whose form shows it: an endless wait, or another error."""
    told = {NEVER_ENDS: Harm.HANG} | {answer: Harm.ERROR for answer in answers if answer.startswith("raises ")}
    return {answer: graded.with_harm(told[answer]) if answer in told else graded for answer, graded in answers.items()}


def _screened(
    rows: dict[str, tuple[dict[str, Value], ...]], *, screening: bool
) -> dict[str, tuple[dict[str, Value], ...]]:
    every = rows.get("quick", ({},))
    return {"default": every, **rows, "quick": every[:1] if screening else ()}


def _repetitions(default: int) -> Parameter:
    return Parameter(name="repetitions", default=default, summary="how often the question is asked", at_least=1)


NOTED = info()
"""The judge of a fact that only explains an answer."""
