"""A channel cell sees every item that is lost, doubled, wrong or late, and each promise that is broken."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from harness.api import EndOfChannel
from harness.testing.wrapping import Group, Receiver, SabotagedRuntime, Sender
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.load import channel as module
from harness_scenarios.load.channel import channel, compute_fairness, count_discrepancies, count_disorder

SMALL = {"items": 600, "producers": 3, "consumers": 2}
ABOVE = "occupancy above capacity"
"""Also where an item is lost as the channel is filled: more were sent than it has room for."""
MARKED = 7
"""The item whose sending or receiving a saboteur breaks, in each pass."""


# --- healthy ---


@pytest.mark.parametrize("capacity", [None, 20, 1, 0])
@pytest.mark.parametrize(("producers", "consumers"), [(1, 1), (3, 2), (1, 4)])
def test_a_healthy_channel_keeps_its_promises_on_each_backend(run_roles, backend, capacity, producers, consumers):
    """Nothing is broken, all is counted, and each measured pass has a value."""
    parameters = {"capacity": capacity, "producers": producers, "consumers": consumers, "items": 600}
    report = run_roles(channel, parameters, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report.values["consumers ended"] == [consumers] * 4
    assert len(report.values["ns per item"]) == 3
    assert min(report.values["ns per item"]) > 0
    assert report.progress["main"] == 4 * 2 * 600 + (capacity is not None)


def test_items_are_shared_out_evenly(run_roles):
    """Each producer sends as many; what does not divide is not sent, but at least one item is."""
    sent_and_received = run_roles(channel, {"capacity": 5, "items": 100, "producers": 7}).progress["main"]
    assert sent_and_received == 4 * 2 * 98 + 1
    assert run_roles(channel, {"capacity": 5, "items": 1, "producers": 2}).progress["main"] == 4 * 2 * 2 + 1


def test_the_parity_line_tells_what_a_ratio_needs(run_roles):
    """Asyncio does not yield in a send or receive that need not wait, trio does; a rendezvous always waits."""
    asked = {"capacity": 3, "items": 10}
    seen = {name: run_roles(channel, asked, backend=name) for name in ("asyncio", "trio")}
    assert [seen[name]["a ready send yields"] for name in seen] == ["no", "yes"]
    assert [seen[name]["a ready receive yields"] for name in seen] == ["no", "yes"]
    assert [seen[name]["capacity"] for name in seen] == [3, 3]
    assert run_roles(channel, {"capacity": None, "items": 10})["capacity"] == "unbounded"
    rendezvous = run_roles(channel, {"capacity": 0, "items": 10})
    assert (rendezvous["capacity"], "a ready send yields" in rendezvous) == ("rendezvous", False)


# --- saboteurs ---


class DamagingSender(Sender):
    """Sends something else in the place of one item."""

    async def send(self, item):
        """Send, but for the marked item one that nobody sends."""
        await self.inner.send(1_000_000 if item == MARKED else item)


class SendsWhenCancelled(Sender):
    """Sends although the send was cancelled."""

    async def send(self, item):
        """Send; if cancelled, smuggle the item in."""
        try:
            await self.inner.send(item)
        except asyncio.CancelledError:
            self.runtime.smuggled.append(item)
            raise


class FindsSmuggled(Receiver):
    """Delivers what was smuggled in before all else."""

    async def receive(self):
        """Receive."""
        return self.runtime.smuggled.pop() if self.runtime.smuggled else await self.inner.receive()


class ForgetfulReceiver(Receiver):
    """Ends one consumer while items are still to come."""

    calls = 0

    async def receive(self):
        """Receive, but end once, late enough to be in the flow of items."""
        self.calls += 1
        if self.calls == 100:
            raise EndOfChannel
        return await self.inner.receive()


class Smuggles(SabotagedRuntime):
    """A cancelled send raises and its item arrives."""

    sender = SendsWhenCancelled
    receiver = FindsSmuggled

    def __init__(self, inner):
        super().__init__(inner)
        self.smuggled = []


@pytest.mark.parametrize(
    ("wrap", "capacity", "broken"),
    [
        pytest.param(FAULTS["item-lost"].runtime, 1, {"items lost", ABOVE}, id="loses"),
        pytest.param(FAULTS["item-sent-twice"].runtime, 20, {"items duplicated"}, id="doubles"),
        pytest.param(sabotage(DamagingSender), 1, {"items lost", "items never sent"}, id="damages"),
        pytest.param(FAULTS["order-broken"].runtime, 1, {"items out of order", "items lost", ABOVE}, id="overtakes"),
        pytest.param(Smuggles, 1, {"items never sent"}, id="sends-cancelled"),
        pytest.param(FAULTS["channel-without-limit"].runtime, 4, {ABOVE}, id="without-limit"),
        pytest.param(FAULTS["channel-takes-one-more"].runtime, 4, {ABOVE}, id="takes-one-more"),
        pytest.param(FAULTS["channel-takes-one-more"].runtime, 0, {ABOVE}, id="rendezvous-does-not-wait"),
        pytest.param(sabotage(ForgetfulReceiver), 4, {"consumers ended too early"}, id="ends-too-early"),
    ],
)
def test_each_saboteur_is_caught(run_roles, monkeypatch, wrap, capacity, broken):
    """What the saboteur broke, and nothing else, is seen; the same cell without it is healthy."""
    monkeypatch.setattr(module, "_PARITY_LIMIT", 0.02)  # a saboteur may make the parity check wait for ever
    parameters = {"items": 600, "producers": 1, "consumers": 2, "capacity": capacity}
    if "items out of order" in broken:
        parameters["consumers"] = 1  # of two consumers each may well see its own items in order
    sabotaged = run_roles(channel, parameters, wrap={"main": wrap})
    control = run_roles(channel, parameters)
    assert (sabotaged.errors, sabotaged.violations) == ({}, broken)
    assert (control.errors, control.violations) == ({}, set())


def test_a_full_channel_is_caught_in_the_flow_too(run_roles):
    """While items flow, what was sent and is with no consumer shows a channel that says it is empty."""

    class DenyingSender(Sender):
        def buffered(self):
            return 0

    class Denying(FAULTS["channel-without-limit"].runtime):
        def open_channel(self, capacity):
            send, receive = super().open_channel(capacity)
            return DenyingSender(send, self), receive

    report = run_roles(channel, {**SMALL, "capacity": 4}, wrap={"main": Denying})
    passes, filling = report.values["occupancy above capacity"][:-1], report.values["occupancy above capacity"][-1]
    assert (min(passes) > 0, filling > 0) == (True, True)


def test_a_consumer_that_dies_is_missed(run_roles):
    """On a runtime that does not tell the parent of a dead child, the number of consumers that ended tells."""

    class FailingReceiver(Receiver):
        failed = False

        async def receive(self):
            if not self.failed:
                self.failed = True
                raise OSError("planted")
            return await self.inner.receive()

    class SilentGroup(Group):
        async def spawn(self, fn, *args):
            async def silenced():
                with suppress(OSError):
                    await fn(*args)

            await self.inner.spawn(silenced)

    report = run_roles(channel, {**SMALL, "capacity": None}, wrap={"main": sabotage(FailingReceiver, SilentGroup)})
    assert report.violations == {"consumers not ended"}
    assert report.values["consumers ended"] == [1] * 4


@pytest.mark.parametrize(("fault", "ends"), [(None, True), ("sender-never-closes", False)])
def test_a_close_that_wakes_nobody_is_a_hang_after_all_items(run_roles, fault, ends):
    """Consumers wait for ever, and the progress stands still after the last item: that is how a hang is told."""
    ended = []

    async def run_for_a_while(runtime, probe):
        cell = asyncio.create_task(channel.main(runtime, probe))
        for _ in range(1_000):
            await asyncio.sleep(0)
        ended.append(cell.done())
        cell.cancel()
        with suppress(asyncio.CancelledError):
            await cell

    wrap = {"main": FAULTS[fault].runtime} if fault else {}
    parameters = {"items": 256, "capacity": None}
    report = run_roles(channel, parameters, wrap=wrap, roles={"main": run_for_a_while})
    assert (report.errors, ended, report.progress["main"]) == ({}, [ends], (4 if ends else 1) * 2 * 256)


# --- checks ---


def test_discrepancies_are_counted_by_kind():
    """Lost, arrived once too often, never sent; also all at once."""
    assert count_discrepancies(4, [[0, 2], [1, 3]]) == (0, 0, 0)
    assert count_discrepancies(4, [[0, 2], []]) == (2, 0, 0)
    assert count_discrepancies(4, [[0, 2, 2], [1, 3, 2]]) == (0, 2, 0)
    assert count_discrepancies(4, [[0, 9], [0, -1]]) == (3, 1, 2)


def test_disorder_is_counted_within_each_producer():
    """Producers may overtake each other; items of one may not."""
    assert count_disorder([0, 10, 1, 11, 2], share=10) == 0
    assert count_disorder([10, 0, 12, 11, 1, 13], share=10) == 1
    assert count_disorder([3, 0, 1, 2], share=10) == 3


def test_fairness_is_jains_index():
    """1 if all got the same, 1/n if one got everything."""
    assert compute_fairness([5, 5, 5]) == 1
    assert compute_fairness([9, 0, 0]) == pytest.approx(1 / 3)
    assert compute_fairness([0, 0]) == 1
