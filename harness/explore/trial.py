"""Run a program under a schedule and return its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.api import ScheduledRuns, StuckError

from .clauses import Clause
from .grammar import Grammar
from .play import Play, Trace, leaves_of
from .program import Program
from .schedules import make_schedule
from .stock import StockRuns

VIRTUAL_UNIT = 1.0
"""Seconds of a time unit on a virtual clock."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one run of a program."""

    clause: Clause | None
    """Broken clause; `None` for a program that keeps the contract."""
    detail: str
    state: str
    """Final state of its tasks."""
    steps: int


class Trial:
    """Runs programs of a family on one runtime."""

    def __init__(self, grammar: Grammar, runs: ScheduledRuns, unit: float = VIRTUAL_UNIT) -> None:
        self._kinds: Mapping[str, Any] = grammar.all_kinds()
        self._performs = grammar.performs()
        self._runs = runs
        self._unit = unit
        self.trace: Trace | None = None
        """Takes the steps of the programs."""
        self.play: Play | None = None
        """The run that is going on, or the last one."""

    def run(self, program: Program, schedule: Any) -> Result:
        """Run a program under a schedule, which is named or given."""
        if isinstance(schedule, str):
            schedule = make_schedule(schedule)
        play = Play(program, self._kinds, self._performs, self._unit)
        self.play = play
        play.trace = self.trace
        if isinstance(self._runs, StockRuns):
            self._runs.activity = play.activity
        try:
            self._runs.run(play.main, schedule, play.unhandled, play.judge_stuck)
        except StuckError:
            pass  # judged before it was torn down
        except BaseException as exc:  # noqa: BLE001 - whatever leaves the runtime is about the runtime
            play.breach(*_judge_failure(play, exc))
        clause, detail = play.found or (None, "")
        # The remains of a failed runtime end when they are collected.
        state = "" if clause is Clause.RUNTIME_FAILED else play.final_state()
        return Result(clause, detail, state, play.steps)


def _judge_failure(play: Play, exc: BaseException) -> tuple[Clause, str]:
    names = ", ".join(f"{type(each).__name__}: {each}".strip(": ") for each in leaves_of(exc))
    if play.stage == "run" and exc.__class__.__module__.startswith("harness"):
        return Clause.UNEXPECTED_ERROR, f"the group of all tasks raised {names}"
    return Clause.RUNTIME_FAILED, f"the run ended with {names} ({play.stage})"
