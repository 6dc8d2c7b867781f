"""Cells that behave otherwise the next time. What was before is in a folder that the environment names."""

import os
from pathlib import Path

from harness.api import Parameter, Probe, Runtime, Scenario, bounded, metric

AGAIN: list[Scenario] = []


def again(fn):
    scenario = Scenario(
        name=f"again.{fn.__name__.replace('_', '-')}",
        question=fn.__doc__,
        contract=("the runner runs it as often as it is asked to",),
        ref=f"{__name__}:{fn.__name__}",
        roles={"main": fn},
        parameters=(Parameter(name="n", default=1, summary="of the row"),),
        judges={"steps": bounded(at_least=1)},
        headline="steps",
        rows={"quick": ({},)},
        side_by_side=True,
        timeout=20.0,
        hang_after=4.0,
    )
    AGAIN.append(scenario)
    return scenario


def attempt(runtime: Runtime, probe: Probe) -> int:
    """Return which attempt at this cell this is, from 1."""
    file = Path(os.environ["HARNESS_TEST_AGAIN"]) / f"{type(runtime).__module__}-{probe.seed}"
    with file.open("a") as opened:
        opened.write("x")
    return file.stat().st_size


@again
async def crashes_first(runtime: Runtime, probe: Probe) -> None:
    """Crashes, and completes the next time."""
    probe.observe("steps", (first := attempt(runtime, probe)))
    print(f"attempt {first}", flush=True)
    if first == 1:
        os._exit(3)


@again
async def hangs_first(runtime: Runtime, probe: Probe) -> None:
    """Hangs, and completes the next time."""
    probe.observe("steps", (first := attempt(runtime, probe)))
    if first == 1:
        await runtime.create_event().wait()


@again
async def raises_always(runtime: Runtime, probe: Probe) -> None:
    """Raises each time."""
    probe.observe("steps", attempt(runtime, probe))
    raise ValueError("again and again")


@again
async def hangs_always(runtime: Runtime, probe: Probe) -> None:
    """Hangs each time."""
    probe.observe("steps", 1)
    await runtime.create_event().wait()


@again
async def breaks(runtime: Runtime, probe: Probe) -> None:
    """Completes, and breaks its contract."""
    probe.observe("steps", 0)


@again
async def fine(runtime: Runtime, probe: Probe) -> None:
    """Is fine."""
    probe.observe("steps", 1)


async def measures_it(runtime: Runtime, probe: Probe) -> None:
    """Measures something."""
    probe.observe("speed", 1.0)


AGAIN.append(
    Scenario(
        name="again.measures",
        question="What does it cost?",
        contract=("it is measured once",),
        ref=f"{__name__}:measures_it",
        roles={"main": measures_it},
        parameters=(Parameter(name="n", default=1, summary="of the row"),),
        judges={"speed": metric("ns")},
        headline="speed",
        rows={"quick": ({},)},
    )
)
