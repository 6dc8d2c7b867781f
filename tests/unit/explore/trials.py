"""Trials on the runtimes that this Python has."""

import importlib

from harness.explore.families import FAMILIES
from harness.explore.generate import Generator
from harness.explore.schedules import list_schedules
from harness.explore.trial import Trial

SCHEDULES = {
    "asyncio": "harness_asyncio.schedule:AsyncioSchedules",
    "uvloop": "harness_uvloop.schedule:UvloopSchedules",
    "trio": "harness_trio.schedule:TrioSchedules",
    "curio": "harness_curio.schedule:CurioSchedules",
}


def make_trial(backend, grammar):
    """Return what runs programs of a grammar on a backend."""
    module, _, name = SCHEDULES[backend].partition(":")
    return Trial(grammar, getattr(importlib.import_module(module), name)({}))


def run_many(backend, family, seed, count, orders=3):
    """Return the results of some programs, each under some schedules, with the program and the schedule."""
    trial, generator = make_trial(backend, FAMILIES[family]), Generator(FAMILIES[family])
    return [
        (trial.run(program := generator.make(seed, number), name), program, name)
        for number in range(count)
        for name in list_schedules(number, orders)
    ]
