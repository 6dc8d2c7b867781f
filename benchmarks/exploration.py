"""How many generated programs a CPU second runs, and whether healthy combinations show anything.

    python benchmarks/exploration.py asyncio lock,channel 100000 [SEED]

Each program runs in three orders. Prints the totals after every 5,000 programs of each family, and each finding.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
import warnings
from collections import Counter

from harness.explore.families import FAMILIES
from harness.explore.generate import Generator
from harness.explore.program import describe_program
from harness.explore.schedules import list_schedules
from harness.explore.trial import Trial
from harness.plugins import Plugins

_PORTION = 5_000
_ORDERS = 3


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
    main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 101)
