"""A hang on gevent has as good an autopsy as one on asyncio: each greenlet, where it waits, on what, since when."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from harness.api import Runtime, TaskSnapshot, Wait

from harness_gevent.backend import GeventRunner

HANGS = Path(__file__).parent / "hangs"


@pytest.fixture(scope="module")
def autopsies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Run the scenarios that hang, and return the autopsy of each."""
    folder = tmp_path_factory.mktemp("hangs")
    arguments = ("matrix", "-b", "gevent", "-s", "gevent-hang.*", "--out", str(folder), "--json", str(folder / "run"))
    subprocess.run(
        (sys.executable, "-P", "-m", "harness.cli", *arguments),
        env=os.environ | {"PYTHONPATH": str(HANGS), "NO_COLOR": "1"},
        capture_output=True,
        check=False,
        timeout=200,
    )
    records = json.loads((folder / "run").read_text())["records"]
    return {
        record["cell"]["scenario"].removeprefix("gevent-hang."): record["result"]["roles"][0]["autopsy"]
        for record in records
    }


@pytest.mark.parametrize(
    ("scenario", "diagnosis", "reasons"),
    [
        (
            "locks",
            "lock-order cycle",
            ("forwards holds first and waits for second", "backwards holds second and waits for first"),
        ),
        ("blocked", "blocked scheduler", ("in blocked",)),
        ("polite", "livelock", ("in polite.<locals>.walker",)),
        ("waits", "unknown", ("it is idle",)),  # a timer is to come, so that nothing is proven
    ],
)
def test_the_diagnosis(
    autopsies: dict[str, dict[str, Any]], scenario: str, diagnosis: str, reasons: tuple[str, ...]
) -> None:
    """As on the runtimes that have coroutines; the reasons name tasks, locks and lines."""
    autopsy = autopsies[scenario]
    assert autopsy["diagnosis"] == diagnosis
    assert [reason for reason in reasons if reason not in "\n".join(autopsy["reasons"])] == []


@pytest.mark.parametrize(
    ("task", "parts"),
    [
        ("main", ("waits for tasks in ", "in waits, since before ", "on patient, reader, sleeper")),
        (
            "reader",
            (
                "waits for channel receive in ",
                "in waits.<locals>.reads_channel, since after ",
                "(its last step: receives) and before ",
                "on Queue (0 of 3 items, open senders: 1)",
            ),
        ),
        ("sleeper", ("waits for timer in ", "in waits.<locals>.sleeps, since before ", "its time is in 59")),
        ("patient", ("waits for event in ", "in waits.<locals>.times_out", "its time-out is in 49")),
    ],
)
def test_each_greenlet_says_where_it_waits_on_what_and_since_when(
    autopsies: dict[str, dict[str, Any]], task: str, parts: tuple[str, ...]
) -> None:
    """One that joins, one at an empty channel, one that sleeps and one in a time-out."""
    (line,) = [line for line in autopsies["waits"]["waits"] if line.startswith(f"{task} ")]
    assert [part for part in parts if part not in line] == [], line


def describe(*names: str, main: Any) -> dict[str, TaskSnapshot]:
    """Run tasks by their names until each waits; return their snapshots."""
    found: dict[str, TaskSnapshot] = {}

    async def run(runtime: Runtime) -> None:
        async with runtime.open_task_group() as group:
            await main(runtime, group)
            await runtime.sleep(0.01)
            found.update({task.name: task for task in runtime.tasks()})
            await group.cancel()

    GeventRunner({}).run(run, lambda exc, context: None)
    assert set(names) <= found.keys()
    return found


def test_what_a_greenlet_waits_for() -> None:
    """A lock and a semaphore are one class of gevent, and are told apart; both ends of a channel are one thing."""

    async def main(runtime: Runtime, group: Any) -> None:
        lock, semaphore, condition = runtime.create_lock(), runtime.create_semaphore(0), runtime.create_condition()
        send, receive = runtime.open_channel(0)
        await lock.acquire()

        async def on_condition() -> None:
            async with condition:
                await condition.wait()

        await group.spawn(lock.acquire, name="lock")
        await group.spawn(semaphore.acquire, name="semaphore")
        await group.spawn(on_condition, name="condition")
        await group.spawn(receive.receive, name="receiver")

    found = describe("lock", "semaphore", "condition", "receiver", main=main)
    assert {name: task.waits_for for name, task in found.items() if name != "main"} == {
        "lock": Wait.LOCK,
        "semaphore": Wait.SEMAPHORE,
        "condition": Wait.CONDITION,
        "receiver": Wait.RECEIVE,
    }
    on = found["receiver"].on
    assert on is not None
    assert on.label == "Channel (1 receive, 0 send, open senders: 1)"
    assert found["main"].frames == ()  # it runs


def test_when_a_wait_ends() -> None:
    """A sleep and the nearest of several time-outs, on the runtime's clock."""
    started = time.monotonic()

    async def main(runtime: Runtime, group: Any) -> None:
        async def patient() -> None:
            async with runtime.move_on_after(300), runtime.move_on_after(200):
                await runtime.create_event().wait()

        await group.spawn(runtime.sleep, 100, name="sleeper")
        await group.spawn(patient, name="patient")

    found = describe("sleeper", "patient", main=main)
    assert found["sleeper"].wakes_at == pytest.approx(started + 100, abs=5)
    assert found["patient"].deadline == pytest.approx(started + 200, abs=5)


def test_timers_are_told_until_they_are_over() -> None:
    """Those of the loop; a sleep that has ended leaves none."""
    seen: list[list[float]] = []

    async def main(runtime: Runtime) -> None:
        before = set(runtime.timers())
        async with runtime.move_on_after(700):
            seen.append(sorted(set(runtime.timers()) - before))
        seen.append(sorted(set(runtime.timers()) - before))

    started = time.monotonic()
    GeventRunner({}).run(main, lambda exc, context: None)
    assert seen == [[pytest.approx(started + 700, abs=5)], []]
