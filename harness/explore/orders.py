"""Ask hand-written questions under many orders of steps: which answers are possible on a runtime?

A row where backends answer differently is *policy* if each of them can give the same answer under some order, and
*semantic* if no order makes them agree (`harness.compare.orders`).
"""

from __future__ import annotations

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from harness.api import (
    ENDING,
    ORDER,
    Parameter,
    Perturbation,
    Probe,
    Runtime,
    Scenario,
    StuckError,
    Subject,
    UnsupportedError,
    Value,
    info,
)
from harness.model import RowId, matches_glob

from .posix import Limits, Page, Send, run_in_child
from .scenarios import start
from .schedules import list_schedules, make_schedule

NAME = "orders"
"""Of the scenario."""
ORDERS = 200
FAMILIES = ("cancel", "channel", "lock", "group", "deadline", "fairness")
"""Families of the questions that are asked."""
STUCK = "nothing can run any more"
_ORDER_CPU = 0.01
"""CPU seconds of an order; a question that takes longer is asked under fewer of them."""
_LIMITS = Limits(cpu=1.0)
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

    def __init__(self, parameters: Mapping[str, Any], seed: int, key: str) -> None:
        self.parameters = parameters
        self.seed = seed
        self.answers: list[str] = []
        self._key = key

    def observe(self, key: str, value: object) -> None:
        """Keep an answer."""
        if key == self._key:
            self.answers.append(str(value))

    def step(self, actor: str, what: str) -> None:
        """Ignore a step."""

    def advance(self, count: int = 1) -> None:
        """Ignore progress."""

    def driving(self, what: str) -> None:
        """Ignore a phase."""

    def describe_tasks(self) -> list[str]:
        """Return nothing: a trial that gives up waiting is an answer."""
        return []

    @contextmanager
    def looking_after(self, seconds: float) -> Iterator[list[str]]:
        """Look at nothing."""
        del seconds
        yield []


Answer = tuple[str, str]
"""Name of an order, and the answer under it."""


def ask(
    subject: Subject,
    question: Scenario,
    parameters: Mapping[str, Value],
    names: Sequence[str],
    attend: Callable[[], None],
) -> list[Answer]:
    """Return the answers to a question under these orders, in a process of their own; none if it needs more.

    Args:
        subject: the runtime, with its schedules.
        question: has one role.
        parameters: of its row.
        names: of the schedules.
        attend: a heartbeat.
    """
    defaults = {parameter.name: parameter.default for parameter in question.parameters}
    whole = defaults | dict(parameters) | {"repetitions": 1}
    found: list[Answer] = []
    body = partial(_ask_all, subject, question, whole, names)
    run_in_child(body, lambda answer: found.append((answer[0], answer[1])), attend=attend, limits=_LIMITS)
    return found


def _ask_all(
    subject: Subject, question: Scenario, parameters: Mapping[str, Any], names: Sequence[str], send: Send, page: Page
) -> None:
    module, _, kind = subject.schedules.partition(":")
    runs = getattr(importlib.import_module(module), kind)(subject.options)
    end = time.process_time() + len(names) * _ORDER_CPU
    for number, name in enumerate(names):
        if time.process_time() > end:
            return
        page.number = number
        answers = _Answers(parameters, number, question.headline)
        try:
            _ask_once(question, runs, name, answers)
        except UnsupportedError:
            return
        send([name, ", ".join(answers.answers)])


def _ask_once(question: Scenario, runs: Any, name: str, answers: _Answers) -> None:
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


def is_question(scenario: Scenario) -> bool:
    """Return whether a scenario has one role, and an answer that the role itself gives."""
    judge = scenario.judges[scenario.headline]
    return judge.is_graded and scenario.headline != ENDING and len(scenario.roles) == 1 and scenario.drive is None


# --- a cell that asks under other orders as well ---


def ask_again(subject: Subject, scenario: Scenario, probe: Probe, value: str) -> None:
    """Ask the question of a cell under other orders as well, and observe the answers beside those of the cell.

    An answer that the contract forbids counts if the runtime gives it in its own order, or leaves the order of steps
    open. One that the question does not list is about this way to ask.
    """
    if not subject.schedules or not is_question(scenario):
        return
    judge = scenario.judges[scenario.headline]
    known: Any = judge
    seen: set[str] = set()
    for name, answer in ask(subject, scenario, probe.parameters, _read_orders(probe.seed, value), probe.advance):
        is_allowed = judge.breaks(answer) is None or name.startswith("native") or not _keeps_order(subject)
        if answer not in known.grades or not is_allowed:
            continue
        probe.observe(scenario.headline, answer)
        if answer not in seen and ORDER in scenario.judges:
            seen.add(answer)
            probe.observe(ORDER, f"{name}: {answer}")


def _keeps_order(subject: Subject) -> bool:
    module, _, kind = subject.schedules.partition(":")
    return bool(getattr(getattr(importlib.import_module(module), kind), "keeps_order", False))


def _read_orders(seed: int, value: str) -> list[str]:
    """Return as many orders as a number says, or the one that is named."""
    return list_schedules(seed, int(value)) if value.isdecimal() else [value]


def _parse_orders(text: str | None) -> str:
    kind, _, number = (text or "").partition(" ")
    is_named = kind in ("native", "shuffle", "pct") and number.isdecimal()
    if not is_named and not (kind.isdecimal() and int(kind) and not number):
        raise ValueError("is a whole number above 0, or an order such as 'shuffle 17'")
    return text or ""


SCHEDULES = Perturbation(
    name="schedules",
    summary="also ask each question under N orders of steps, on a virtual clock, or under one by its name",
    parse=_parse_orders,
    value="=N|ORDER",
    after_run=f"{__name__}:ask_again",
)


# --- the answers that are possible, by row and runtime ---


def select_questions(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Return the questions of the six families that have one role and an answer."""
    return [each for each in scenarios if each.name.partition(".")[0] in FAMILIES and is_question(each)]


def drive(subject: Subject, probe: Probe) -> None:
    """Ask the questions of the cell in each of their rows, and report how often each answer was given."""
    from harness.plugins import Plugins

    if not subject.schedules:
        return
    names = list_schedules(probe.seed, int(probe.parameters["orders"]))
    for question in select_questions(tuple(Plugins().catalogue().scenarios.values())):
        if matches_glob(question.name, str(probe.parameters["questions"])):
            for parameters in question.preset_rows("default"):
                counts = Counter(answer for _, answer in ask(subject, question, parameters, names, probe.advance))
                row = RowId(question.name, tuple(sorted(parameters.items())))
                probe.observe("answers", {"row": str(row), "counts": dict(counts)})


orders = Scenario(
    name=NAME,
    question="Which answers to a question are there under many orders of steps?",
    contract=("The runtime can be controlled by a schedule.",),
    ref=f"{__name__}:orders",
    roles={"main": start},
    parameters=(
        Parameter(name="questions", default="*", summary="names of the questions, a glob"),
        Parameter(name="orders", default=ORDERS, summary="orders in which each is asked", at_least=1),
    ),
    judges={"answers": info()},
    headline="answers",
    rows={"quick": ()},
    side_by_side=True,
    timeout=900.0,
    hang_after=60.0,
    summary="questions under many orders of steps",
    drive=drive,
)
