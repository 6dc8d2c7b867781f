"""Cells that behave otherwise the next time. What was before is in a folder that the environment names."""

import os
from pathlib import Path

from harness.api import Probe, Runtime, Scenario, metric
from harness_planted.plant import plant

AGAIN: list[Scenario] = []


again = plant(
    AGAIN, "again", "the runner runs it as often as it is asked to", timeout=20.0, hang_after=4.0, side_by_side=True
)


def attempt(runtime: Runtime, probe: Probe) -> int:
    """Return which attempt at this cell this is, from 1."""
    file = Path(os.environ["HARNESS_TEST_AGAIN"]) / f"{type(runtime).__module__}-{probe.seed}"
    with file.open("a") as opened:
        opened.write("x")
    return file.stat().st_size


@again("crashes-first")
async def crashes_first(runtime: Runtime, probe: Probe) -> None:
    """Crashes, and completes the next time."""
    probe.observe("steps", (first := attempt(runtime, probe)))
    print(f"attempt {first}", flush=True)
    if first == 1:
        os._exit(3)


@again("hangs-first")
async def hangs_first(runtime: Runtime, probe: Probe) -> None:
    """Hangs, and completes the next time."""
    probe.observe("steps", (first := attempt(runtime, probe)))
    if first == 1:
        await runtime.create_event().wait()


@again("raises-always")
async def raises_always(runtime: Runtime, probe: Probe) -> None:
    """Raises each time."""
    probe.observe("steps", attempt(runtime, probe))
    raise ValueError("again and again")


@again("hangs-always")
async def hangs_always(runtime: Runtime, probe: Probe) -> None:
    """Hangs each time."""
    probe.observe("steps", 1)
    await runtime.create_event().wait()


@again("breaks")
async def breaks(runtime: Runtime, probe: Probe) -> None:
    """Completes, and breaks its contract."""
    probe.observe("steps", 0)


@again("fine")
async def fine(runtime: Runtime, probe: Probe) -> None:
    """Is fine."""
    probe.observe("steps", 1)


@again("measures", judges={"speed": metric("ns")}, headline="speed", side_by_side=False)
async def measures_it(runtime: Runtime, probe: Probe) -> None:
    """Measures something."""
    probe.observe("speed", 1.0)
