"""What is broken on purpose is broken, and only that."""

import asyncio

import pytest

from harness.api import Backend
from harness.plugins import Plugins
from harness.testing.saboteurs import CONTROL, FAULTS
from harness.testing.saboteurs.runner import SaboteurRunner


def run(fault, main):
    """Run a function on the control with a fault and return what it returns."""
    results = []

    async def keep(runtime):
        results.append(await main(runtime))

    SaboteurRunner({"fault": fault}).run(keep, lambda exc, context: None)
    return results[0]


@pytest.fixture(scope="module")
def saboteur() -> Backend:
    """The declaration, as a plugin brings it."""
    return Plugins().catalogue().backend("saboteur")


def test_every_fault_is_declared_with_the_scenarios_that_must_catch_it(saboteur):
    """And says in a sentence what it breaks."""
    assert set(saboteur.planted) == {f"fault={name}" for name in FAULTS}
    assert all(fault.caught_by and fault.summary for fault in FAULTS.values())
    assert saboteur.control == CONTROL


def test_every_scenario_that_is_named_exists():
    """A glob that matches nothing would be a fault that nobody is asked to catch."""
    from harness.model import matches_glob

    names = Plugins().catalogue().scenarios
    globs = {glob for fault in FAULTS.values() for glob in fault.caught_by}
    assert [glob for glob in sorted(globs) if not any(matches_glob(name, glob) for name in names)] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_what_it_does_not_break_works(fault):
    """An event that is set, and a result of a thread."""

    async def main(runtime):
        event = runtime.create_event()
        await event.set()
        await event.wait()
        return await runtime.run_in_thread(int, "7")

    assert run(fault, main) == 7


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        ("item-lost", [*range(49), *range(50, 60)]),
        ("item-twice", [*range(50), *range(49, 60)]),
        ("order-broken", [*range(49), 50, 49, *range(51, 60)]),
    ],
)
def test_channels(fault, arrived):
    """The fiftieth item, of a clone too."""

    async def main(runtime):
        send, receive = runtime.open_channel(None)
        clone = send.clone()
        for item in range(60):
            await clone.send(item)
        return [await receive.receive() for _ in arrived]

    assert run(fault, main) == arrived


def test_attested_as_the_backend_that_it_breaks():
    """A saboteur is no other runtime."""

    async def main(runtime):
        return type(runtime.scheduler())

    assert issubclass(run("spins", main), asyncio.AbstractEventLoop)
