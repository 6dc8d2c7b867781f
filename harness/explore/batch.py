"""A batch of programs: what one cell of an exploration does, in its worker.

The programs run in a child of the worker. A program that hangs, crashes or eats memory ends that child; the batch goes
on behind it in the next one, and names it. What fails is made smaller, and then run again on the runtime as it is.
"""

from __future__ import annotations

import importlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from harness.api import Probe, ScheduledRuns, Subject

from .clauses import Clause
from .confirm import EXCLUDED, Confirmation, confirm
from .difference import Differ, describe_difference
from .failure import Failing, Failure, program_key
from .generate import Generator
from .grammar import Grammar
from .leftovers import Leftovers
from .minimise import minimise, run_deviations
from .posix import Page, Send, run_in_child
from .program import Program
from .schedules import list_schedules
from .stock import UNIT, StockRuns
from .trial import VIRTUAL_UNIT, Result, Trial

REAL_CLOCK = 10
"""Of programs that run on the real clock, which take as much longer, a batch has the tenth part."""
_COUNT_EVERY = 25
_MOST_LOST = 5
"""Programs that may take their process with them before a batch ends."""
_CONFIRM_MOST = 3
"""Clauses of a batch whose failures are confirmed: the first ones."""
_SHOW_MOST = 3
"""Programs of a batch whose final states differ from another runtime's that are made smaller."""
_EXCLUDED_MOST = 3
"""Failing programs of a clause that are confirmed, as long as the runtime excludes the order that each needs."""


def load_runs(reference: str, options: Mapping[str, str]) -> ScheduledRuns:
    """Return the scheduled runs of a reference, `"module:Class"`."""
    module, _, name = reference.partition(":")
    runs: ScheduledRuns = getattr(importlib.import_module(module), name)(options)
    return runs


class Batch:
    """The programs `first` to `first + programs` of a seed, on one runtime."""

    def __init__(self, family: str, grammar: Grammar, subject: Subject, probe: Probe) -> None:
        parameters = probe.parameters
        self.family = family
        self.grammar = grammar
        self.subject = subject
        self.attend = probe.advance
        self._probe = probe
        self._seed: int = probe.seed if parameters["seed"] is None else parameters["seed"]
        self._first: int = parameters["first"]
        programs = int(parameters["programs"])
        self._end = self._first + (-(-programs // REAL_CLOCK) if grammar.real_clock else programs)
        self._trace: bool = parameters["trace"]
        self._is_scheduled = bool(subject.schedules) and not grammar.real_clock
        self._schedules: int = parameters["schedules"] if self._is_scheduled else 1
        self._against: str = parameters["against"] if self._is_scheduled else ""
        self._deviations: int = parameters["deviations"] if self._is_scheduled else 0
        self._generator = Generator(grammar)
        self._counts: Counter[str] = Counter()
        self._failing: dict[Clause, list[Failing]] = defaultdict(list)
        self._differing: list[int] = []

    def run(self) -> None:
        """Run the programs and report their failures."""
        start, lost = self._first, 0
        while start < self._end and lost < _MOST_LOST:
            ending = run_in_child(partial(self._explore, start), self._take, attend=self.attend)
            if not ending.reason:
                break
            lost += 1
            start = ending.at + 1
            self._take_loss(ending.at, ending.reason, hung=ending.hung)
        self._report()

    def make_program(self, number: int) -> Program:
        """Return a program of the batch."""
        return self._generator.make(self._seed, number)

    # --- in the child ---

    def make_trial(self) -> Trial:
        """Return what runs programs under a schedule, or on the runtime as it is."""
        if not self._is_scheduled:
            return self.make_stock_trial()
        return Trial(self.grammar, self._make_runs(), VIRTUAL_UNIT)

    def _make_runs(self) -> ScheduledRuns:
        return load_runs(self.subject.schedules, self.subject.options)

    @property
    def keeps_order(self) -> bool:
        """Whether the runtime excludes other orders of ready tasks than its own."""
        return self._is_scheduled and bool(getattr(self._make_runs(), "keeps_order", False))

    def _make_other_trial(self) -> Trial:
        return Trial(self.grammar, load_runs(self._against, {}), VIRTUAL_UNIT)

    def _minimise_difference(self, number: int, send: Send, page: Page) -> None:
        def attend() -> None:
            page.number += 1

        differ = Differ(self.make_trial(), self._make_other_trial(), attend)
        smallest = differ.find_smallest(self.make_program(number), self.grammar.all_rules())
        if found := differ.find(smallest):
            send(describe_difference(f"{self.family}/{self._seed}/{number}", smallest, found))

    def make_stock_trial(self) -> Trial:
        """Return what runs programs on the runtime as it is."""
        return Trial(self.grammar, StockRuns(self.subject.make_runner()), UNIT)

    def _explore(self, start: int, send: Send, page: Page) -> None:
        trial, leftovers = self.make_trial(), Leftovers()
        trial.run(self.make_program(start), "native 0")  # opens the descriptors that a process keeps open
        leftovers.judge(Result(None, "", "", 0))
        if self._trace:
            trial.trace = lambda task, what: send({"task": task, "step": what})
        differ = Differ(trial, self._make_other_trial()) if self._against else None
        states: set[int] = set()
        counts: Counter[str] = Counter()
        for number in range(start, self._end):
            page.number = number
            result, schedule, runs = self._run_program(trial, number, states)
            counts.update(programs=1, runs=runs)
            result = leftovers.judge(result)
            if result.clause is not None:
                send({"failing": [number, schedule, result.clause, result.detail]})
            elif differ is not None and differ.find(self.make_program(number)):
                send({"differing": number})
            if counts["programs"] >= _COUNT_EVERY or number == self._end - 1:
                send({"counts": counts, "states": len(states)})
                counts = Counter()

    def _run_program(self, trial: Trial, number: int, states: set[int]) -> tuple[Result, str, int]:
        program = self.make_program(number)
        for runs, (schedule, result) in enumerate(self._run_orders(trial, program, number), 1):  # noqa: B007
            states.add(hash(result.state))
            if result.clause is not None:
                break
        return result, schedule, runs

    def _run_orders(self, trial: Trial, program: Program, number: int) -> Iterator[tuple[str, Result]]:
        for schedule in list_schedules(number, self._schedules):
            if trial.trace is not None:
                trial.trace("schedule", schedule)
            yield schedule, trial.run(program, schedule)
        if self._deviations:
            yield from run_deviations(trial.run, program, self._deviations)

    # --- in the worker ---

    def _take(self, message: Any) -> None:
        if "step" in message:
            self._probe.step(message["task"], message["step"])
        elif "differing" in message:
            self._differing.append(message["differing"])
        elif "failing" in message:
            number, schedule, clause, detail = message["failing"]
            self._failing[Clause(clause)].append(Failing(number, schedule, Clause(clause), detail))
        else:
            self._probe.advance(message["counts"]["programs"])
            self._counts.update(message["counts"])
            self._counts["states"] = max(self._counts["states"], message["states"])

    def _take_loss(self, number: int, reason: str, *, hung: bool) -> None:
        """Take note of a program that took its process with it."""
        clause = Clause.HANG if hung else Clause.MEMORY if "MemoryError" in reason else Clause.CRASH
        self._failing[clause].append(Failing(number, "native 0", clause, reason, ended_process=True))
        self._counts["programs"] = number + 1 - self._first  # the count of the lost process is gone

    def _report(self) -> None:
        probe = self._probe
        excluded = 0
        for clause in list(self._failing)[:_CONFIRM_MOST]:
            failure, confirmation = self._confirm(clause)
            if confirmation.label == EXCLUDED:
                excluded += len(self._failing.pop(clause))
            probe.observe(program_key(clause), failure.to_text(self.family, confirmation))
            probe.observe("failure", failure.to_data(self.family, confirmation))
        for number in self._differing[:_SHOW_MOST]:
            body = partial(self._minimise_difference, number)
            run_in_child(body, partial(probe.observe, "difference"), attend=self.attend)
        probe.observe("differing programs", len(self._differing))
        for clause in Clause:
            probe.observe(clause.value, len(self._failing.get(clause, ())))
        probe.observe("excluded programs", excluded)
        probe.observe("failing programs", sum(map(len, self._failing.values())))
        probe.observe("runs", self._counts["runs"])
        probe.observe("distinct final states", self._counts["states"])
        probe.observe("programs", self._counts["programs"])

    def _confirm(self, clause: Clause) -> tuple[Failure, Confirmation]:
        """Return the first failing program of a clause that needs no order which the runtime excludes, if any."""
        for failing in self._failing[clause][:_EXCLUDED_MOST]:
            failure = minimise(self, f"{self._seed}/{failing.number}", failing)
            confirmation = confirm(self, failure)
            if confirmation.label != EXCLUDED:
                break
        return failure, confirmation
