"""echo: requests and replies on connections that are kept.

Question: how many requests a second go over kept connections, and is each reply the request that it answers?

Contract: every request is answered on its connection, in order, with the same bytes; none is lost, cut off or given
to another connection.

Each connection is a closed loop: it sends its next request when it has its reply. So latency is service time, not the
response time that a user in a queue would see (`storm` measures that). With two writes for a reply, and Nagle's
algorithm on, the second write may wait for the acknowledgement of the first, which the system may delay by 40 ms.
"""

from __future__ import annotations

from array import array
from itertools import chain, pairwise
from time import perf_counter_ns, process_time

from harness.api import (
    ByteStream,
    Capability,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    bounded,
    grid,
    info,
    metric,
)
from harness_scenarios.parts.encryption import TLS, Connect, make_connect, make_listen, prepare_tls
from harness_scenarios.parts.percentiles import PERCENTILES, compute_percentiles, distribute, distribution_chart
from harness_scenarios.parts.serving import receive_exactly, serve_until_client_ends
from harness_scenarios.parts.tagged_payload import LEAST_BYTES, make_request

_KIB = 1024
_NUMBER_BYTES = 8
"""Each request begins with its number on its connection, so that a stale reply is not taken for the right one."""
_ADVANCE_EVERY = 16


# --- server ---


async def server(runtime: Runtime, probe: Probe) -> None:
    """Send back what arrives, on every connection, in the number of writes that the cell asks for."""
    size, writes = probe.parameters["size"], probe.parameters["writes"]
    ends = [size * number // writes for number in range(writes + 1)]

    async def attend(stream: ByteStream) -> None:
        while len(request := await receive_exactly(stream, size)) == size:
            for start, end in pairwise(ends):
                await stream.send_all(request[start:end])

    cpu = process_time()
    await serve_until_client_ends(runtime, probe, attend, make_listen(runtime, probe))
    probe.observe("server CPU", process_time() - cpu)


# --- client ---


async def client(runtime: Runtime, probe: Probe) -> None:
    """Send requests on every connection, each after the reply to the one before, and compare the replies."""
    host, port = await probe.receive("address")
    number = probe.parameters["connections"]
    shares = [probe.parameters["requests"] * index // number for index in range(number + 1)]
    connect = make_connect(runtime, probe)
    callers = [_Caller(runtime, probe, index, share - before) for index, (before, share) in enumerate(pairwise(shares))]
    for caller in callers:
        await caller.connect(connect, host, port)
    cpu, start_ns = process_time(), perf_counter_ns()
    try:
        async with runtime.open_task_group() as group:
            for caller in callers:
                await group.spawn(caller.call)
        took_ns = perf_counter_ns() - start_ns
    finally:
        for caller in callers:
            await caller.aclose()
    probe.observe("client CPU", process_time() - cpu)
    _report(probe, callers, took_ns)


class _Caller:
    """One kept connection: sends its requests, and counts what came back."""

    def __init__(self, runtime: Runtime, probe: Probe, index: int, due: int) -> None:
        self._runtime = runtime
        self._probe = probe
        self._body = make_request(index, probe.seed, max(LEAST_BYTES, probe.parameters["size"]))[_NUMBER_BYTES:]
        self._due = due
        self.right = 0
        self.wrong = 0
        self.cut_off = 0
        self.error = ""
        self.took_ns = array("q")

    async def connect(self, connect: Connect, host: str, port: int) -> None:
        """Open the connection."""
        self._stream = await connect(host, port)

    async def call(self) -> None:
        """Send each request and compare its reply; stop at the first that does not come."""
        try:
            await self._exchange()
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self.error = f"{type(exc).__name__}: {exc}"[:300]

    async def _exchange(self) -> None:
        stream, body, took_ns, size = self._stream, self._body, self.took_ns, self._probe.parameters["size"]
        for number in range(self._due):
            request = number.to_bytes(_NUMBER_BYTES, "big") + body
            start_ns = perf_counter_ns()
            await stream.send_all(request)
            reply = await receive_exactly(stream, size)
            took_ns.append(perf_counter_ns() - start_ns)
            if reply == request:
                self.right += 1
            elif len(reply) < size:
                self.cut_off += 1
                return
            else:
                self.wrong += 1
            if number % _ADVANCE_EVERY == 0:
                self._probe.advance(_ADVANCE_EVERY)

    @property
    def missing(self) -> int:
        """How many requests were due and got nothing."""
        return self._due - self.right - self.wrong - self.cut_off

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


def _report(probe: Probe, callers: list[_Caller], took_ns: int) -> None:
    right = sum(caller.right for caller in callers)
    probe.observe("requests due", probe.parameters["requests"])
    probe.observe("replies right", right)
    probe.observe("replies wrong", sum(caller.wrong for caller in callers))
    probe.observe("replies cut off", sum(caller.cut_off for caller in callers))
    probe.observe("requests without reply", sum(caller.missing for caller in callers))
    for error in sorted({caller.error for caller in callers} - {""}):
        probe.observe("client error", error)
    if right:
        probe.observe("requests per second", right * 1e9 / took_ns)
    samples = list(chain.from_iterable(caller.took_ns for caller in callers))
    probe.observe("latency distribution", distribute(samples))
    for name, duration_ns in compute_percentiles(samples).items():
        probe.observe(f"latency {name}", duration_ns / 1000)


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "requests per second": metric("1/s", better="higher"),
    "client CPU": metric("s"),
    "server CPU": metric("s"),
    "requests due": info(),
    "replies right": info(),
    "replies wrong": bounded(at_most=0, reason="a reply has the bytes of the request it answers, on its connection"),
    "replies cut off": bounded(at_most=0, reason="the server keeps the connection until the client has closed it"),
    "requests without reply": bounded(at_most=0, reason="every request that is due is sent and answered"),
    "client error": info(),
    "server error": info(),
    "latency distribution": info(),
    **{f"latency {name}": info("µs") for name in (*PERCENTILES, "max")},
}

_PARAMETERS = (
    Parameter(name="size", default=_KIB, summary="size of a request and of its reply", unit="B", at_least=LEAST_BYTES),
    Parameter(name="connections", default=10, summary="connections kept, each with one request out", at_least=1),
    Parameter(name="requests", default=5000, summary="requests in all, shared by the connections", at_least=1),
    Parameter(name="writes", default=1, summary="writes for one reply", choices=(1, 2)),
    TLS,
)

echo = Scenario(
    name="echo",
    question="How many requests a second go over kept connections, and is each reply the request that it answers?",
    contract=(
        "Each reply has the bytes of the request that it answers, on the connection of the request.",
        "No reply is cut off.",
        "Every request is answered: requests due = replies right + wrong + cut off + requests without reply.",
    ),
    ref="harness_scenarios.load.echo:echo",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="requests per second",
    charts=(distribution_chart("latency"),),
    rows={
        "quick": ({"requests": 2000}, {"requests": 1000, "connections": 100, "writes": 2}),
        "default": (
            {"connections": 1},
            {},
            {"size": 100 * _KIB, "requests": 1000},
            {"connections": 100, "requests": 2000, "writes": 2},
            {"tls": True, "requests": 2000},
        ),
        "thorough": grid(size=(_KIB, 10 * _KIB, 100 * _KIB), connections=(1, 10, 100), requests=(5000,), writes=(1,))
        + grid(connections=(100,), requests=(5000,), writes=(2,)),
    },
    conserved={
        "requests due": ("replies right", "replies wrong", "replies cut off", "requests without reply"),
    },
    requires=(Capability.GROUP_CANCEL,),
    preflight=prepare_tls,
    timeout=120.0,
    hang_after=10.0,
    summary="request and reply on kept connections: 1 to 100 KiB, 1 to 100 connections, one or two writes a reply, TLS",
    catches=("byte-flipped", "replies-swapped", "fd-leaked"),
)
