"""The scenario sees a pool that loses or doubles a job, and says how a runtime shares the work."""

from collections import Counter

import pytest
from harness.testing.trial import try_scenario
from harness.testing.wrapping import Sender, sabotage

from harness_scenarios_demo.pool import DRAIN, EVENLY, SOME, UNEVENLY, describe_sharing


@pytest.mark.parametrize("backend", ["asyncio", "trio", "threads"])
def test_a_healthy_runtime(backend: str) -> None:
    """Every job is done once, and there is an answer."""
    trial = try_scenario(DRAIN, backend)
    assert (trial.errors, trial.running, trial.violations) == ({}, (), set())
    assert trial["sharing"] in (EVENLY, UNEVENLY, SOME)


class LosesOne(Sender):
    """Drops the first job: a saboteur."""

    dropped = False

    async def send(self, item: object) -> None:
        """Send all but the first."""
        if self.dropped:
            await self.inner.send(item)
        self.dropped = True


class SendsTwice(Sender):
    """Sends one job a second time."""

    doubled = False

    async def send(self, item: object) -> None:
        """Send, the first one twice."""
        await self.inner.send(item)
        if not self.doubled:
            self.doubled = True
            await self.inner.send(item)


@pytest.mark.parametrize(("saboteur", "key"), [(LosesOne, "jobs lost"), (SendsTwice, "jobs done twice")])
def test_a_planted_fault(saboteur: type[Sender], key: str) -> None:
    """A scenario that cannot fail is worth nothing."""
    trial = try_scenario(DRAIN, "asyncio", wrap=sabotage(saboteur))
    assert trial.violations == {key}
    assert trial[key] == 1


@pytest.mark.parametrize(
    ("jobs_of", "answer"), [({0: 2, 1: 2}, EVENLY), ({0: 1, 1: 3}, UNEVENLY), ({0: 4}, SOME), ({}, SOME)]
)
def test_how_work_is_shared(jobs_of: dict[int, int], answer: str) -> None:
    """By the number of jobs of each worker."""
    assert describe_sharing(Counter(jobs_of), 2) == answer
