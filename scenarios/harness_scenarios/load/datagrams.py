"""datagrams: UDP on loopback, with a window of unanswered datagrams or as fast as the sender can.

Question: how many datagrams a second arrive, and which share is lost?

Contract: with a window that the receiver's buffer holds, every datagram is answered with the same bytes, once.

Without a window (`window=0`) the system drops datagrams beyond the buffer of a slow receiver. What arrives then goes
by the CPUs that the two processes happen to have, by a factor of three for one and the same loop: the share that is
lost and the rate are shown, not compared, and no preset has such a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter_ns, process_time
from typing import Any

from harness.api import (
    Capability,
    DatagramEndpoint,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    bounded,
    datagrams_of,
    info,
    metric,
)
from harness.api.datagrams import LARGEST

_NUMBER_BYTES = 8
_LEAST_BYTES = 2 * _NUMBER_BYTES
_QUESTION = b"how many?"
"""Shorter than any datagram that is counted."""
_ADVANCE_EVERY = 64
_SILENCE_SECONDS = 5.0
"""After so long without a reply the missing ones are lost; on loopback a reply takes a millisecond."""
_ASK_SECONDS = 0.2
_HELD_BYTES = 1 << 16
"""Of datagrams that the default receive buffer of Linux holds, which counts a large one up to three times."""
_HELD = 128
"""Small datagrams that it holds: it counts at least 768 bytes for each, of 212,992."""
WINDOW, FLOOD = "a window", "no window"


# --- server ---


async def server(runtime: Runtime, probe: Probe) -> None:
    """Answer each datagram, or only count them; both until the client has ended."""
    endpoint = await datagrams_of(runtime).open_endpoint()
    attend = _answer if probe.parameters["window"] else _count
    try:
        probe.share("address", list(endpoint.address))
        cpu = process_time()
        async with runtime.open_task_group() as group:
            await group.spawn(attend, endpoint, probe)
            await probe.until_ended("client")
            await group.cancel()
        probe.observe("server CPU", process_time() - cpu)
    finally:
        await endpoint.aclose()


async def _answer(endpoint: DatagramEndpoint, probe: Probe) -> None:
    receive_from, send_to = endpoint.receive_from, endpoint.send_to
    while True:
        for _ in range(_ADVANCE_EVERY):
            data, sender = await receive_from()
            await send_to(data, sender)
        probe.advance(_ADVANCE_EVERY)


async def _count(endpoint: DatagramEndpoint, probe: Probe) -> None:
    receive_from = endpoint.receive_from
    size, arrived, last_ns = probe.parameters["size"], 0, 0
    while True:
        data, sender = await receive_from()
        if len(data) == size:
            arrived += 1
            last_ns = perf_counter_ns()
            if arrived % _ADVANCE_EVERY == 0:
                probe.advance(_ADVANCE_EVERY)
        else:
            await endpoint.send_to(b"%d %d" % (arrived, last_ns), sender)


# --- client ---


async def client(runtime: Runtime, probe: Probe) -> None:
    """Send all datagrams, and report what became of them."""
    host, port = await probe.receive("address")
    endpoint = await datagrams_of(runtime).open_endpoint(peer=(host, port))
    sender = _Sender(runtime, probe, endpoint)
    try:
        cpu = process_time()
        await (sender.send_in_a_window() if probe.parameters["window"] else sender.flood())
        probe.observe("client CPU", process_time() - cpu)
    finally:
        await endpoint.aclose()
    sender.report()


class _Sender:
    """Sends numbered datagrams."""

    def __init__(self, runtime: Runtime, probe: Probe, endpoint: DatagramEndpoint) -> None:
        self._runtime = runtime
        self._probe = probe
        self._endpoint = endpoint
        self._due: int = probe.parameters["datagrams"]
        self._body = bytes(probe.parameters["size"] - _NUMBER_BYTES)
        self._sent = 0
        self._arrived = 0
        self._wrong = 0
        self._took_ns = 0

    def _make(self, number: int) -> bytes:
        return number.to_bytes(_NUMBER_BYTES, "big") + self._body

    async def send_in_a_window(self) -> None:
        """Send a window, and another datagram for each reply."""
        endpoint, due = self._endpoint, self._due
        missing: set[int] = set()
        start_ns = last_ns = perf_counter_ns()
        while self._sent < due or missing:
            while self._sent < due and len(missing) < self._probe.parameters["window"]:
                missing.add(self._sent)
                await endpoint.send_to(self._make(self._sent))
                self._sent += 1
            if not await self._receive_replies(missing, 1 if self._sent < due else len(missing)):
                break
            last_ns = perf_counter_ns()
        self._took_ns = last_ns - start_ns

    async def _receive_replies(self, missing: set[int], count: int) -> bool:
        """Receive some replies; return whether they came."""
        receive_from = self._endpoint.receive_from
        async with self._runtime.move_on_after(_SILENCE_SECONDS):
            for _ in range(count):
                reply, _ = await receive_from()
                number = int.from_bytes(reply[:_NUMBER_BYTES], "big")
                if number in missing and reply == self._make(number):
                    missing.remove(number)
                    self._arrived += 1
                    if number % _ADVANCE_EVERY == 0:
                        self._probe.advance(_ADVANCE_EVERY)
                else:
                    self._wrong += 1
            return True
        return False

    async def flood(self) -> None:
        """Send all at once, and ask how many have arrived until there is an answer."""
        send_to = self._endpoint.send_to
        start_ns = perf_counter_ns()
        for number in range(self._due):
            await send_to(self._make(number))
            if number % _ADVANCE_EVERY == 0:
                self._probe.advance(_ADVANCE_EVERY)
        self._sent = self._due
        while not self._took_ns:
            await send_to(_QUESTION)
            async with self._runtime.move_on_after(_ASK_SECONDS):
                answer, _ = await self._endpoint.receive_from()
                arrived, last_ns = map(int, answer.split())
                self._arrived, self._took_ns = arrived, last_ns - start_ns

    def report(self) -> None:
        """Observe the counts and the rate."""
        observe, lost = self._probe.observe, self._sent - self._arrived
        observe("pace", WINDOW if self._probe.parameters["window"] else FLOOD)
        observe("datagrams sent", self._sent)
        observe("arrived", self._arrived)
        observe("lost", lost)
        observe("share lost", 100 * lost / self._sent)
        observe("wrong or twice", self._wrong)
        if self._arrived:
            rate = "datagrams per second" if self._probe.parameters["window"] else "flood: arrived per second"
            observe(rate, self._arrived * 1e9 / self._took_ns)


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "datagrams per second": metric("1/s", better="higher"),
    "client CPU": metric("s"),
    "server CPU": metric("s"),
    "flood: arrived per second": info("1/s"),
    "share lost": info("%"),
    "pace": info(),
    "datagrams sent": info(),
    "arrived": info(),
    "lost": bounded(at_most=0, reason="on loopback only a full buffer loses a datagram", only_where={"pace": WINDOW}),
    "wrong or twice": bounded(at_most=0, reason="each datagram is answered with its own bytes, once"),
}

_PARAMETERS = (
    Parameter(
        name="size", default=1000, summary="size of a datagram", unit="B", at_least=_LEAST_BYTES, at_most=LARGEST
    ),
    Parameter(name="datagrams", default=10_000, summary="datagrams in all", at_least=1),
    Parameter(name="window", default=16, summary="datagrams without a reply at once; 0 for no limit", at_least=0),
)


def _preflight(parameters: Mapping[str, Any]) -> str:
    size, window = parameters["size"], parameters["window"]
    most = max(1, min(_HELD, _HELD_BYTES // size))
    if window > most:
        return (
            f"window={window} times size={size} may be more than a receive buffer holds: choose a window of at most "
            f"{most}, or 0 for none"
        )
    return ""


datagrams = Scenario(
    name="datagrams",
    question="How many datagrams a second arrive, and which share is lost?",
    contract=(
        "With a window, every datagram is answered with its own bytes, once.",
        "Every datagram is counted: sent = arrived + lost.",
    ),
    ref="harness_scenarios.load.datagrams:datagrams",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="datagrams per second",
    rows={
        "quick": ({"datagrams": 2000},),
        "default": ({},),
        "thorough": (
            {"size": 16, "window": 1},
            {"size": 16, "window": 64},
            {"size": 1000, "window": 32},
            {"size": LARGEST, "window": 1},
        ),
    },
    conserved={"datagrams sent": ("arrived", "lost")},
    requires=(Capability.DATAGRAM, Capability.DEADLINE, Capability.GROUP_CANCEL),
    preflight=_preflight,
    timeout=60.0,
    hang_after=10.0,
    summary="UDP on loopback: datagrams with a window of replies, or a flood and the share that is lost",
    catches=("datagram-arrives-twice", "datagrams-are-merged"),
)
