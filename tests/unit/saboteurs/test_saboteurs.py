"""Saboteurs are declared, run on what they break, and break only that; faults that no question sees."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from harness.api import Support
from harness.plugins import Plugins
from harness.testing.wrapping import SabotagedRuntime
from harness_saboteurs import FAULTS, HEALTHY, THEMES, Fault, list_faults
from harness_saboteurs.faults import fault as register
from harness_saboteurs.runner import SaboteurRunner

NAMES = {"asyncio": "saboteur", "trio": "saboteur-trio", "threads": "saboteur-threads"}


@pytest.fixture(scope="module")
def catalogue():
    """What the plugins bring."""
    return Plugins().catalogue()


# --- declarations ---


@pytest.mark.parametrize("control", HEALTHY)
def test_every_fault_is_declared_with_the_backend_that_has_it(catalogue, control):
    """Its control is the healthy backend."""
    assert catalogue.backend(NAMES[control]).control == control
    for fault in list_faults(control):
        assert catalogue.saboteurs[fault.name].spec == f"{NAMES[control]}:fault={fault.name}"


def test_there_are_faults_enough_and_each_says_what_it_breaks():
    """In a sentence of one line."""
    assert len(FAULTS) >= 40
    assert all(fault.summary and "\n" not in fault.summary for fault in FAULTS.values())


def test_every_fault_breaks_the_contract_of_some_scenario(catalogue):
    """And every fault that a scenario must catch exists."""
    caught = {name for scenario in catalogue.scenarios.values() for name in scenario.catches}
    assert caught == set(FAULTS)


def test_a_fault_that_names_scenarios_is_refused():
    """As faults once did; the message names the declaration that takes its place."""
    with pytest.raises(TypeError, match=r"add catches=\('spare',\) to the declaration of storm, echo"):
        register("spare", "storm", "echo")


def test_every_theme_brings_faults():
    """A module that registers nothing would be dead."""
    themes = {fault.runtime.__module__ for fault in FAULTS.values()}
    assert {theme.__name__ for theme in THEMES} == themes


@pytest.mark.parametrize("control", HEALTHY)
def test_a_saboteur_lacks_what_its_backend_lacks(catalogue, control):
    """Else it would be asked what the control is not."""
    lacking = [
        {
            capability
            for capability, offer in catalogue.backend(name).offers({}).items()
            if offer.support == Support.ABSENT
        }
        for name in (control, NAMES[control])
    ]
    assert lacking[0] == lacking[1]


def test_two_faults_of_one_name():
    """Are a mistake of whoever wrote the second."""
    with pytest.raises(AssertionError, match="two faults are named item-lost"):
        register("item-lost")(SabotagedRuntime)


# --- the runner ---


@pytest.mark.parametrize("control", HEALTHY)
def test_attested_as_the_backend_that_it_breaks(run_broken, control):
    """A saboteur is no other runtime."""

    async def main(runtime):
        return runtime.name, f"{type(runtime.scheduler()).__module__}"

    fault: Fault = list_faults(control)[0]
    name, module = run_broken(fault.name, main)
    assert name == control
    assert module.startswith({"threads": ""}.get(control, control))


def test_without_a_fault_the_first_one_is_taken():
    """As the option says."""
    assert SaboteurRunner({})._fault is list_faults("asyncio")[0]


@pytest.mark.parametrize("fault", [name for name in FAULTS if FAULTS[name].control != "threads"])
def test_what_it_does_not_break_works(run_broken, fault):
    """An event that is set, and a result of a thread."""

    async def main(runtime):
        event = runtime.create_event()
        await event.set()
        await event.wait()
        return await runtime.run_in_thread(int, "7")

    assert run_broken(fault, main) == 7


# --- faults that only load scenarios, or workers, see ---


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [("item-lost", [0, 2, 3]), ("item-sent-twice", [0, 1, 1, 2, 3]), ("order-broken", [0, 2, 1, 3])],
)
def test_items(run_broken, fault, arrived):
    """The second item, of a clone too."""

    async def main(runtime):
        send, receive = runtime.open_channel(None)
        clone = send.clone()
        for item in range(4):
            await clone.send(item)
        return [await receive.receive() for _ in arrived]

    assert run_broken(fault, main) == arrived


def test_item_from_nowhere(run_broken):
    """A receive returns before anything is sent."""

    async def main(runtime):
        return await runtime.open_channel(1)[1].receive()

    assert run_broken("item-from-nowhere", main) == 0


class Clock:
    """A runtime that remembers what it is asked to wait for."""

    def __init__(self):
        self.asked = []

    def now(self):
        return 100.0

    async def sleep(self, seconds):
        self.asked.append(seconds)

    def open_cancel_scope(self, *, deadline=None):
        self.asked.append(deadline)

    def move_on_after(self, seconds):
        self.asked.append(seconds)

    fail_after = move_on_after


def test_timer_rounds_up():
    """To a multiple of 10 ms."""
    clock = Clock()
    sabotaged = FAULTS["timer-rounds-up"].runtime(clock)
    for seconds in (0.001, 0.01, 0.011):
        with suppress(StopIteration):
            sabotaged.sleep(seconds).send(None)
    assert clock.asked == [0.01, 0.01, 0.02]


def test_deadline_early():
    """After half of the time."""
    clock = Clock()
    sabotaged = FAULTS["deadline-early"].runtime(clock)
    sabotaged.open_cancel_scope(deadline=110.0)
    sabotaged.open_cancel_scope(deadline=None)
    sabotaged.move_on_after(4.0)
    sabotaged.fail_after(6.0)
    assert clock.asked == [105.0, None, 2.0, 3.0]


def test_inner_deadline_forgotten():
    """The second of two."""
    clock = Clock()
    sabotaged = FAULTS["inner-deadline-forgotten"].runtime(clock)
    for deadline in (110.0, 105.0):
        sabotaged.open_cancel_scope(deadline=deadline)
    assert clock.asked == [110.0, None]


@pytest.mark.parametrize(("fault", "started"), [("child-never-starts", [0, 2]), ("child-runs-twice", [0, 1, 1, 2])])
def test_children(run_broken, fault, started):
    """The second one of a group."""

    async def main(runtime):
        seen = []

        async def child(number):
            seen.append(number)

        async with runtime.open_task_group() as group:
            for number in range(3):
                await group.spawn(child, number)
        return seen

    assert run_broken(fault, main) == started


def test_children_one_by_one(run_broken):
    """The second one starts when the first one has ended, though that gives way."""

    async def main(runtime):
        steps = []

        async def child(number):
            steps.append(("starts", number))
            await runtime.checkpoint()
            steps.append(("ends", number))

        async with runtime.open_task_group() as group:
            for number in range(2):
                await group.spawn(child, number)
        return steps

    assert run_broken("children-one-by-one", main) == [("starts", 0), ("ends", 0), ("starts", 1), ("ends", 1)]


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_exit_swallowed(run_broken, end):
    """Of a task, and of the body."""

    async def main(runtime):
        async def child():
            raise end

        async with runtime.open_task_group() as group:
            await group.spawn(child)
        async with runtime.open_task_group():
            raise end
        return "goes on"

    assert run_broken("exit-swallowed", main) == "goes on"


def test_accept_stops(run_broken):
    """After fifty connections, though there is a fifty-first."""

    async def main(runtime):
        listener = await runtime.listen()
        streams = [await runtime.connect(*listener.address) for _ in range(51)]
        streams += [await listener.accept() for _ in range(50)]
        async with runtime.move_on_after(0.02) as scope:
            streams.append(await listener.accept())
        for closable in (*streams, listener):
            await closable.aclose()
        return len(streams), scope.cancelled_caught

    assert run_broken("accept-stops", main) == (101, True)


def test_event_spins(run_broken):
    """A waiter takes turns instead of sleeping."""
    turns = []

    class Counting:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        async def checkpoint(self):
            turns.append(1)
            await self._inner.checkpoint()

    async def main(runtime):
        runtime.inner = Counting(runtime.inner)
        event = runtime.create_event()
        async with runtime.open_task_group() as group:
            await group.spawn(event.wait)
            for _ in range(10):
                await asyncio.sleep(0)
            await event.set()

    run_broken("event-spins", main)
    assert len(turns) > 5


def test_offload_runs_twice(run_broken):
    """The second of three calls."""

    async def main(runtime):
        done = []
        for number in range(3):
            await runtime.run_in_thread(done.append, number)
        return done

    assert run_broken("offload-runs-twice", main) == [0, 1, 1, 2]


def test_checkpoint_yields_nothing(run_broken):
    """A ready task does not run."""

    async def main(runtime):
        seen = []

        async def other():
            seen.append("runs")

        async with runtime.open_task_group() as group:
            await group.spawn(other)
            await runtime.checkpoint()
            return list(seen)

    assert run_broken("checkpoint-yields-nothing", main) == []


@pytest.mark.parametrize("call", ["checkpoint", "sleep"])
def test_exits_silently(run_broken, monkeypatch, call):
    """With code 0."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)

    async def main(runtime):
        await getattr(runtime, call)(*[0] * (call == "sleep"))

    run_broken("exits-silently", main)
    assert codes == [0]


async def _connect_two(runtime, use):
    listener = await runtime.listen()
    near = [await runtime.connect(*listener.address) for _ in range(2)]
    far = [await listener.accept() for _ in range(2)]
    result = await use(near, far)
    for closable in (*near, *far, listener):
        await closable.aclose()
    return result


def test_byte_flipped(run_broken):
    """In the third read."""

    async def exchange(near, far):
        received = []
        for _ in range(4):
            await near[0].send_all(b"abc")
            received.append(await far[0].receive_some(3))
        return received

    received = run_broken("byte-flipped", lambda runtime: _connect_two(runtime, exchange))
    assert [data == b"abc" for data in received] == [True, True, False, True]
    assert received[2][:2] == b"ab"


def test_replies_swapped(run_broken):
    """What is sent third goes out as what was sent second."""

    async def exchange(near, far):
        received = []
        for number in (0, 1, 0, 1):
            await near[number].send_all(b"from %d" % number)
            received.append(await far[number].receive_some(6))
        return received

    received = run_broken("replies-swapped", lambda runtime: _connect_two(runtime, exchange))
    assert received == [b"from 0", b"from 1", b"from 0", b"from 1"] or b"from 0" in received[1::2]


def test_fd_leaked(run_broken):
    """One for each close."""
    before = set(os.listdir("/dev/fd"))

    async def nothing(near, far):
        return None

    run_broken("fd-leaked", lambda runtime: _connect_two(runtime, nothing))
    leaked = [fd for fd in set(os.listdir("/dev/fd")) - before if Path(f"/dev/fd/{fd}").exists()]
    for fd in leaked:
        os.close(int(fd))
    assert len(leaked) == 4
