"""Ask a question of a backend with options."""

from __future__ import annotations

import pytest

from harness_scenarios.behaviours.question import ANSWER

RUNNERS = {"asyncio": "AsyncioRunner", "uvloop": "UvloopRunner", "trio": "TrioRunner", "threads": "ThreadsRunner"}


class _Recorder:
    """A probe that keeps the answers."""

    role = "main"
    seed = 1

    def __init__(self, scenario, parameters):
        self.parameters = {known.name: known.default for known in scenario.parameters} | parameters
        self.answers = set()

    def observe(self, key, value):
        if key == ANSWER:
            self.answers.add(value)

    def step(self, actor, what):
        """Keep no trace."""

    def advance(self, count=1):
        """Count nothing."""


@pytest.fixture
def ask_variant():
    """Return a function that asks a question of a backend spec and returns the set of answers."""

    def ask(scenario, spec, parameters=None):
        name, _, options = spec.partition(":")
        module = pytest.importorskip(f"harness_{name}.backend")
        recorder = _Recorder(scenario, parameters or {})

        async def main(runtime):
            await scenario.main(runtime, recorder)

        runner = getattr(module, RUNNERS[name])(dict(option.split("=") for option in options.split(",") if option))
        runner.run(main, lambda exc, context: None)
        return recorder.answers

    return ask
