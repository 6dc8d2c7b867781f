"""How many generated programs a CPU second runs, and whether healthy combinations show anything.

    python benchmarks/exploration.py asyncio lock,channel 100000 [SEED]
    python benchmarks/exploration.py cost

Each program runs in three orders. Prints the totals after every 5,000 programs of each family, and each finding.
`cost` measures samples and prints the CPU minutes of a million programs on asyncio, trio and curio together, and of a
thousand orders of each question that needs no socket.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
import warnings
from collections import Counter

from harness.api import Subject
from harness.explore.batch import load_runs
from harness.explore.families import FAMILIES
from harness.explore.generate import Generator
from harness.explore.orders import ask, select_questions
from harness.explore.program import describe_program
from harness.explore.schedules import list_schedules
from harness.explore.trial import Trial
from harness.plugins import Plugins

_PORTION = 5_000
_ORDERS = 3
_RUNTIMES = ("asyncio", "trio", "curio")
_SAMPLE = 300
_ORDERS_SAMPLE = 200


def main(backend: str, families: list[str], programs: int, seed: int) -> None:
    """Run the programs of some families on a backend."""
    module, _, name = Plugins().catalogue().backend(backend).schedules.partition(":")
    runs = getattr(importlib.import_module(module), name)({})
    cpu: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for first in range(0, programs, _PORTION):
        last = min(first + _PORTION, programs)
        for family in families:
            started = time.process_time_ns()
            broken[family] += run_portion(Trial(FAMILIES[family], runs), family, range(first, last), seed)
            cpu[family] += time.process_time_ns() - started
        rates = ", ".join(f"{each} {last * 1e9 / cpu[each]:.0f}/s, {broken[each]} failing" for each in families)
        print(f"{backend}: {last * len(families):,} programs; {rates}", flush=True)


def estimate_cost() -> None:
    """Print the CPU minutes of a million programs, a third on each runtime, and of 1,000 orders of each question."""
    minutes = 0.0
    families = [name for name, grammar in FAMILIES.items() if not grammar.real_clock]
    for name in _RUNTIMES:
        backend = Plugins().catalogue().backend(name)
        subject = Subject(make_runner=lambda: None, options={}, schedules=backend.schedules)  # type: ignore[arg-type, return-value]
        runs = load_runs(backend.schedules, {})
        started = time.process_time()
        for family in families:
            trial, generator = Trial(FAMILIES[family], runs), Generator(FAMILIES[family])
            for number in range(_SAMPLE):
                for order in list_schedules(number, _ORDERS):
                    trial.run(generator.make(7, number), order)
        program = (time.process_time() - started) / (_SAMPLE * len(families))
        questions, order = _time_questions(subject)
        own = 1e6 / len(_RUNTIMES) * program / 60 + questions * 1000 * order / 60
        minutes += own
        print(f"{name}: {1 / program:.0f} programs/s, {questions} rows at {1 / order:.0f} orders/s: {own:.1f} min")
    print(f"all: {minutes:.1f} CPU minutes")


def _time_questions(subject: Subject) -> tuple[int, float]:
    """Return how many rows of questions a schedule can control, and the CPU seconds of an order."""
    rows, asked = 0, 0
    before = time.process_time() + os.times().children_user + os.times().children_system
    for question in select_questions(tuple(Plugins().catalogue().scenarios.values())):
        for parameters in question.preset_rows("default"):
            answers = ask(subject, question, parameters, list_schedules(0, _ORDERS_SAMPLE), lambda: None)
            rows, asked = rows + bool(answers), asked + len(answers)
    after = time.process_time() + os.times().children_user + os.times().children_system
    return rows, (after - before) / asked


def run_portion(trial: Trial, family: str, numbers: range, seed: int) -> int:
    """Run some programs; return how many failed."""
    generator, broken = Generator(FAMILIES[family]), 0
    for number in numbers:
        program = generator.make(seed, number)
        for order in list_schedules(number, _ORDERS):
            result = trial.run(program, order)
            if result.clause is not None:
                broken += 1
                print(f"{family}/{seed}/{number} {order}: {result.clause.value}: {result.detail}")
                print("\n".join(describe_program(program)), flush=True)
                break
    return broken


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.lastResort = None
    sys.unraisablehook = lambda _: None  # leftovers of stuck programs are not the subject
    if sys.argv[1] == "cost":
        sys.exit(estimate_cost())
    main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 101)
