"""Generated programs find what is wrong with a latch, and nothing wrong with the one of the team."""

import pytest
from harness.api import Runtime
from harness.explore.clauses import Clause
from harness.explore.generate import Generator
from harness.explore.trial import Result, Trial
from harness_asyncio.schedule import AsyncioSchedules

from harness_explore_demo.latch import GRAMMAR, Latch, LatchModel


def run(programs: int) -> list[Result]:
    """Return what programs of the grammar show on asyncio."""
    trial, generator = Trial(GRAMMAR, AsyncioSchedules({})), Generator(GRAMMAR)
    return [trial.run(generator.make(1, number), f"shuffle {number}") for number in range(programs)]


def test_the_latch_keeps_its_contract() -> None:
    """No program breaks a clause."""
    assert {result.clause for result in run(300)} == {None}


class RacyLatch(Latch):
    """Looks at the count, lets others run, and counts down from what it saw."""

    def __init__(self, runtime: Runtime, count: int) -> None:
        super().__init__(runtime, count)
        self._runtime = runtime

    async def count_down(self) -> None:
        """Lose a count when two tasks do it at once."""
        seen = self._left
        await self._runtime.checkpoint()
        self._left = seen
        await super().count_down()


def test_a_racy_latch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task waits although the latch was counted down as often as it takes."""
    monkeypatch.setattr(LatchModel, "make_latch", RacyLatch)
    assert Clause.LOST_WAKE_UP in {result.clause for result in run(300)}
