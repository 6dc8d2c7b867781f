"""Ask a hand-written question under many orders of steps: is a difference between two runtimes policy or semantics?

A row where backends answer differently is *policy* if each of them can give the same answer under some order that it
allows, and *semantic* if no order makes them agree.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.api import Parameter, Probe, Runtime, Scenario, StuckError, Subject, UnsupportedError, info

from .posix import Page, Send, end_if_slow, run_in_child
from .scenarios import start
from .schedules import list_schedules, make_schedule

NAME = "orders"
"""Of the scenario."""
ORDERS = 200
FAMILIES = ("cancel", "channel", "lock", "group", "deadline", "fairness")
"""Families of the questions that are asked."""
STUCK = "nothing can run any more"
_ORDER_SECONDS = 5.0
_REFUSED = {"listen", "connect", "run_in_thread", "run_in_process"}


class _Closed:
    """A runtime without descriptors and threads, which a virtual clock does not wait for."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> Any:
        if name in _REFUSED:
            raise UnsupportedError(f"{name} is not under the control of a schedule")
        return getattr(self._runtime, name)


class _Answers:
    """The probe of one trial: keeps the answers."""

    role = "main"

    def __init__(self, parameters: Mapping[str, Any], seed: int) -> None:
        self.parameters = parameters
        self.seed = seed
        self.answers: list[str] = []

    def observe(self, key: str, value: object) -> None:
        """Keep an answer."""
        if key == "answer":
            self.answers.append(str(value))

    def step(self, actor: str, what: str) -> None:
        """Ignore a step."""

    def advance(self, count: int = 1) -> None:
        """Ignore progress."""

    def driving(self, what: str) -> None:
        """Ignore a phase."""


def _ask(question: Scenario, runs: Any, name: str, seed: int) -> str:
    defaults = {parameter.name: parameter.default for parameter in question.parameters}
    answers = _Answers(defaults | {"repetitions": 1}, seed)
    probe: Any = answers

    async def main(runtime: Runtime, idle: object) -> None:
        del idle
        closed: Any = _Closed(runtime)
        await question.main(closed, probe)

    try:
        runs.run(main, make_schedule(name), lambda _exc, _context: None, lambda: None)
    except StuckError:
        answers.answers.append(STUCK)
    except UnsupportedError:
        raise
    except BaseException as exc:  # noqa: BLE001 - what leaves the runtime is an answer as well
        answers.answers.append(f"raises {type(exc).__name__}")
    return ", ".join(answers.answers)


def drive(subject: Subject, probe: Probe) -> None:
    """Ask the question of the cell under so many orders, and report how often each answer was given."""
    if not subject.schedules:
        return
    counts: Counter[str] = Counter()

    def body(send: Send, page: Page) -> None:
        module, _, name = str(probe.parameters["question"]).partition(":")
        question: Scenario = getattr(importlib.import_module(module), name)
        runs_module, _, kind = subject.schedules.partition(":")
        runs = getattr(importlib.import_module(runs_module), kind)(subject.options)
        for number, order in enumerate(_orders(probe)):
            page.number = number
            end_if_slow(_ORDER_SECONDS)
            send(_ask(question, runs, order, number))
        end_if_slow(0)

    def take(answer: Any) -> None:
        counts[str(answer)] += 1
        probe.advance()

    ending = run_in_child(body, take, hang_after=2 * _ORDER_SECONDS, memory=1 << 28)
    probe.observe("answers", dict(counts))
    probe.observe("ended", ending.reason.strip().splitlines()[-1] if ending.reason else "all orders")


def _orders(probe: Probe) -> list[str]:
    return list_schedules(probe.seed, int(probe.parameters["orders"]))


def classify(answers: Mapping[str, Mapping[str, int]]) -> str:
    """Return `same`, `policy` or `semantic` for what each backend answered under many orders."""
    sets = [set(each) for each in answers.values() if each]
    if len(sets) < 2:
        return "not compared"
    if all(each == sets[0] for each in sets):
        return "same"
    return "policy" if set.intersection(*sets) else "semantic"


def select_questions(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Return the questions of the six families that have one role and an answer."""
    return [
        each
        for each in scenarios
        if each.name.partition(".")[0] in FAMILIES and len(each.roles) == 1 and "answer" in each.judges
    ]


orders = Scenario(
    name=NAME,
    question="Which answers to a question are there under many orders of steps?",
    contract=("The runtime can be controlled by a schedule.",),
    ref=f"{__name__}:orders",
    roles={"main": start},
    parameters=(
        Parameter(name="question", default="", summary="where the question is found: module:attribute"),
        Parameter(name="orders", default=ORDERS, summary="orders in which it is asked", at_least=1),
    ),
    judges={"answers": info(), "ended": info()},
    headline="ended",
    rows={"quick": ()},
    side_by_side=True,
    timeout=120.0,
    hang_after=30.0,
    summary="a question under many orders of steps",
    drive=drive,
)
