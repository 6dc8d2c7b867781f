"""Run a function on a runtime that is broken on purpose."""

from __future__ import annotations

import pytest

from harness_saboteurs.runner import SaboteurRunner


@pytest.fixture
def run_broken():
    """Return a function that runs another one on a runtime with a fault and returns what it returns."""

    def run(fault, main, wrap=lambda runtime: runtime):
        results = []

        async def keep(runtime):
            results.append(await main(wrap(runtime)))

        SaboteurRunner({"fault": fault}).run(keep, lambda exc, context: None)
        return results[0]

    return run
