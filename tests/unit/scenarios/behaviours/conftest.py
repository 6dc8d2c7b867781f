"""Ask a question of a backend with options."""

from __future__ import annotations

import threading

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


@pytest.fixture
def ask_told(monkeypatch):
    """Return a function as `ask_variant`, also for curio and wrapped runtimes, that reports errors by their text.

    A worker does so too. Here it also keeps the hook of pytest from failing the test for what is meant to fail.
    """
    monkeypatch.setattr(threading, "excepthook", lambda args: str(args.exc_value))

    def ask(scenario, spec, parameters=None, *, wrap=None):
        name, _, options = spec.partition(":")
        module = pytest.importorskip(f"harness_{name}.backend", exc_type=(ImportError, AttributeError))
        recorder = _Recorder(scenario, parameters or {})

        async def main(runtime):
            await scenario.main(wrap(runtime) if wrap else runtime, recorder)

        runner = getattr(module, f"{name.capitalize()}Runner")(
            dict(option.split("=") for option in options.split(",") if option)
        )
        runner.run(main, lambda exc, context: str(exc))
        return recorder.answers

    return ask
