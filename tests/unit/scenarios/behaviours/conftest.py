"""Ask a question of a backend with options."""

from __future__ import annotations

import threading

import pytest

from harness_scenarios.behaviours.question import ANSWER


@pytest.fixture
def ask(run_roles, monkeypatch):
    """Return a function that asks a question of a backend spec and returns the set of answers.

    What dies in a thread is told by its text, as a worker does; the hook of pytest would fail the test for it.
    """
    monkeypatch.setattr(threading, "excepthook", lambda args: str(args.exc_value))

    def ask(scenario, spec, parameters=None, *, wrap=None):
        pytest.importorskip(f"harness_{spec.partition(':')[0]}.backend", exc_type=(ImportError, AttributeError))
        trial = run_roles(scenario, parameters or {}, backend=spec, wrap=wrap)
        assert trial.errors == {}
        return set(trial.values[ANSWER])

    return ask
