"""A batch of programs: what one cell of an exploration does, in its worker.

The programs run in a child of the worker. A program that hangs, crashes or eats memory ends that child; the batch goes
on behind it in the next one, and names it. What fails is made smaller, and then run again on the runtime as it is.
"""

from __future__ import annotations

import gc
import importlib
from collections import Counter
from typing import Any

from harness.api import Probe, ScheduledRuns, Subject

from .clauses import Clause
from .confirm import confirm
from .failure import Failure, describe_failure, program_key
from .generate import Generator
from .grammar import Grammar
from .minimise import find_native, find_smallest, find_smallest_apart
from .posix import Page, Send, count_fds, end_if_slow, peak_memory, run_in_child
from .program import encode_program
from .schedules import list_schedules
from .stock import UNIT, StockRuns
from .trial import VIRTUAL_UNIT, Result, Trial

_PROGRAM_SECONDS = 3.0
"""After which a program hangs: one takes a millisecond."""
_PATIENCE = 3
"""Times as long is a program given that has hung, before it is a finding."""
_HANG_AFTER = 8.0
"""Seconds without progress after which a child is killed that does not hear its alarm."""
_MEMORY = 256 << 20
_LEAP = 64 << 20
"""Bytes by which no program may let its process grow."""
_COUNT_EVERY = 25
_MOST_LOST = 5
"""Programs that may take their process with them before a batch ends."""
_CONFIRM_MOST = 3
"""Findings of a batch that are confirmed: one for each clause, the first ones."""


class Batch:
    """The programs `first` to `first + programs` of a seed, on one runtime."""

    def __init__(self, family: str, grammar: Grammar, subject: Subject, probe: Probe) -> None:
        parameters = probe.parameters
        self.family = family
        self.grammar = grammar
        self._subject = subject
        self._probe = probe
        self._seed: int = probe.seed if parameters["seed"] is None else parameters["seed"]
        self._first: int = parameters["first"]
        self._end = self._first + int(parameters["programs"])
        self._trace: bool = parameters["trace"]
        self._schedules: int = parameters["schedules"]
        self._generator = Generator(grammar)
        self._counts: Counter[str] = Counter()
        self._clauses: Counter[Clause] = Counter()
        self._failures: dict[Clause, Failure] = {}

    def run(self) -> None:
        """Run the programs and report their failures."""
        start, lost = self._first, 0
        while start < self._end and lost < _MOST_LOST:
            position = start
            ending = run_in_child(
                lambda send, page, at=position: self._explore(send, page, at),  # type: ignore[misc]
                self._take,
                hang_after=_HANG_AFTER,
                memory=_MEMORY,
            )
            if not ending.reason:
                break
            start = ending.at + 1
            if ending.hung and not self._hangs_again(ending.at):
                self._counts["programs"] = start - self._first
                continue  # the machine was busy elsewhere
            lost += 1
            self._take_loss(ending.at, ending.reason, hung=ending.hung)
        self._report()

    # --- in the child ---

    def make_trial(self) -> Trial:
        """Return what runs programs under a schedule, or on the runtime as it is."""
        if not self._subject.schedules:
            return self.make_stock_trial()
        module, _, name = self._subject.schedules.partition(":")
        runs: ScheduledRuns = getattr(importlib.import_module(module), name)(self._subject.options)
        return Trial(self.grammar, runs, VIRTUAL_UNIT)

    def make_stock_trial(self) -> Trial:
        """Return what runs programs on the runtime as it is."""
        return Trial(self.grammar, StockRuns(self._subject.make_runner()), UNIT)

    def _explore(self, send: Send, page: Page, start: int) -> None:
        trial = self.make_trial()
        trial.run(
            self._generator.make(self._seed, start), "native 0"
        )  # opens the descriptors that a process keeps open
        if self._trace:
            trial.trace = lambda task, what: send({"task": task, "step": what})
        fds: int | None = count_fds()
        states: set[int] = set()
        known: set[Clause] = set(self._failures)
        counts: Counter[str] = Counter()
        for number in range(start, self._end):
            page.number = number
            end_if_slow(_PROGRAM_SECONDS)
            result, schedule, runs = self._run_program(trial, number, states)
            self._probe.advance()
            counts.update(programs=1, runs=runs)
            if result.clause is None:
                fds, result = self._look_for_leak(fds, result)
            if result.clause is not None:
                fds = None
                send({"clause": result.clause})
                if result.clause not in known:
                    known.add(result.clause)
                    end_if_slow(0)
                    trial.trace = None
                    send({"failure": self._minimise(trial, number, schedule, result)})
            if counts["programs"] >= _COUNT_EVERY or number == self._end - 1:
                send({"counts": counts, "states": len(states)})
                counts = Counter()
        end_if_slow(0)

    def _run_program(self, trial: Trial, number: int, states: set[int]) -> tuple[Result, str, int]:
        program = self._generator.make(self._seed, number)
        runs = 0
        before = peak_memory()
        for schedule in list_schedules(number, self._schedules if self._subject.schedules else 1):
            if trial.trace is not None:
                trial.trace("schedule", schedule)
            result = trial.run(program, schedule)
            runs += 1
            states.add(hash(result.state))
            if result.clause is not None:
                break
        if result.clause is None and peak_memory() - before > _LEAP:
            grown = (peak_memory() - before) >> 20
            result = Result(Clause.MEMORY, f"the process grew by {grown} MiB", result.state, result.steps)
        return result, schedule, runs

    @staticmethod
    def _look_for_leak(before: int | None, result: Result) -> tuple[int, Result]:
        """Return how many descriptors are open, and what that means; a program that failed may leave some behind."""
        now = count_fds()
        if before is None or now <= before:
            return now, result
        gc.collect()
        now = count_fds()
        if now <= before:
            return now, result
        return now, Result(Clause.LEAK, f"{now - before} descriptors more than before", result.state, result.steps)

    def _minimise(self, trial: Trial, number: int, schedule: str, result: Result) -> Any:
        assert result.clause is not None
        program = self._generator.make(self._seed, number)
        if result.clause in (Clause.LEAK, Clause.MEMORY):
            return describe_failure(self._seed, number, schedule, result, program, program, schedule, 1)
        rules = self.grammar.all_rules()
        smallest = find_smallest(trial, program, schedule, result.clause, rules, self._probe.advance)
        detail = trial.run(smallest.program, smallest.schedule).detail or result.detail
        shown = Result(result.clause, detail, result.state, result.steps)
        data = describe_failure(
            self._seed, number, schedule, shown, program, smallest.program, smallest.schedule, smallest.tried
        )
        if not smallest.schedule.startswith("native"):
            native = find_native(trial, smallest.program, result.clause, rules, self._probe.advance)
            data["native"] = encode_program(native)
        return data

    # --- in the worker ---

    def _take(self, message: Any) -> None:
        self._probe.advance()
        if "step" in message:
            self._probe.step(message["task"], message["step"])
        elif "clause" in message:
            self._clauses[Clause(message["clause"])] += 1
        elif "failure" in message:
            failure = Failure.of(message["failure"])
            self._failures.setdefault(failure.clause, failure)
        else:
            self._counts.update(message["counts"])
            self._counts["states"] = max(self._counts["states"], message["states"])

    def _hangs_again(self, number: int) -> bool:
        """Return whether a program hangs alone, with more time: a busy machine can keep a process from its CPU."""
        program = self._generator.make(self._seed, number)

        def body(send: Send, page: Page) -> None:
            del send, page
            trial = self.make_trial()
            end_if_slow(_PATIENCE * _PROGRAM_SECONDS)
            for schedule in list_schedules(number, self._schedules if self._subject.schedules else 1):
                trial.run(program, schedule)
                self._probe.advance()

        ending = run_in_child(body, lambda _message: None, hang_after=_PATIENCE * _HANG_AFTER, memory=_MEMORY)
        return ending.hung

    def _take_loss(self, number: int, reason: str, *, hung: bool) -> None:
        """Take note of a program that took its process with it, and make it smaller in processes of their own."""
        clause = Clause.HANG if hung else Clause.MEMORY if "MemoryError" in reason else Clause.CRASH
        self._clauses[clause] += 1
        self._counts["programs"] = number + 1 - self._first  # the count of the lost process is gone
        if clause in self._failures:
            return
        program = self._generator.make(self._seed, number)
        smallest = find_smallest_apart(
            self.make_trial,
            program,
            self.grammar.all_rules(),
            self._probe.advance,
            hung=hung,
            seconds=_PROGRAM_SECONDS,
        )
        shown = Result(clause, reason, "", 0)
        data = describe_failure(
            self._seed, number, "native 0", shown, program, smallest.program, smallest.schedule, smallest.tried
        )
        self._failures[clause] = Failure.of(data)

    def _report(self) -> None:
        probe = self._probe
        for failure in list(self._failures.values())[:_CONFIRM_MOST]:
            confirmation = confirm(self, self._subject, failure, probe.advance)
            probe.observe(program_key(failure.clause), failure.to_text(self.family, confirmation))
            probe.observe("failure", failure.to_data(self.family, confirmation))
        for clause in Clause:
            probe.observe(clause.value, self._clauses[clause])
        probe.observe("failing programs", sum(self._clauses.values()))
        probe.observe("runs", self._counts["runs"])
        probe.observe("distinct final states", self._counts["states"])
        probe.observe("programs", self._counts["programs"])
