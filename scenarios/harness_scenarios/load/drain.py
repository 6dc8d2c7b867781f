"""drain: a server that is stopped under load.

Question: is anything in flight lost on a graceful stop, and how long does the stop take?

Contract: a request whose handler has begun is answered.

Clients in threads connect, send a request and read the reply, one connection after another. In the middle of that the
server is closed; the graceful stop is the one that a program can do on every runtime: it waits until no handler runs. A
connection that no handler has seen may be refused or reset.

`work` is how long a handler takes for a request, so that some are in flight when the server is closed. One value warms
up, three are measured; each is a server of its own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns

from harness.api import (
    ByteStream,
    Capability,
    Harm,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    Server,
    bounded,
    grid,
    info,
    metric,
    servers_of,
)

_MEASURED_VALUES = 3
_REQUEST = b"request!"
_REPLY_BYTES = 64
_SETTLE_SECONDS = 0.002
_MOST_SECONDS = 5.0
"""How long a client or a stop may take; more than any that is not stuck."""


async def main(runtime: Runtime, probe: Probe) -> None:
    """Stop a server under load, four times."""
    shifts = [_Shift(runtime, probe) for _ in range(1 + _MEASURED_VALUES)]
    for number, shift in enumerate(shifts):
        await shift.run()
        if number:
            shift.report()
        probe.advance()
    begun, answered = sum(shift.begun for shift in shifts), sum(shift.answered for shift in shifts)
    probe.observe("requests begun", begun)
    probe.observe("answered", answered)
    probe.observe("lost", begun - answered)


class _Shift:
    """One server, its clients and its stop."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._work: float = probe.parameters["work"] / 1e3
        self._clients: int = probe.parameters["clients"]
        self._requests: int = probe.parameters["requests"]
        self._over = threading.Event()
        self._begun: list[int] = []
        self._ended: list[int] = []
        self._answered: list[int] = []
        self._stop_ns = self._serving_ns = 0
        self._in_flight = 0
        self._is_closed = False

    # --- the server ---

    async def _handle(self, stream: ByteStream) -> None:
        if await stream.receive_some(len(_REQUEST)) != _REQUEST:
            await stream.aclose()
            return
        self._begun.append(1)
        try:
            await self._runtime.sleep(self._work)
            await stream.send_all(_REQUEST * (_REPLY_BYTES // len(_REQUEST)))
            await stream.aclose()
        finally:
            self._ended.append(1)

    async def run(self) -> None:
        """Serve, and stop in the middle of it."""
        server = await servers_of(self._runtime).start_server(self._handle, backlog=4 * self._clients)
        clients = [
            threading.Thread(target=self._ask_often, args=(server.address,), daemon=True) for _ in range(self._clients)
        ]
        async with self._runtime.open_task_group() as group:
            await group.spawn(self._serve, server)
            start_ns = perf_counter_ns()
            for client in clients:
                client.start()
            await self._until(lambda: len(self._ended) >= self._requests and len(self._begun) > len(self._ended))
            self._serving_ns = perf_counter_ns() - start_ns
            await self._stop(server)
            await self._until(lambda: not any(client.is_alive() for client in clients))
            self._is_closed = False
            await group.cancel()

    async def _serve(self, server: Server) -> None:
        async with self._runtime.open_cancel_scope():
            try:
                await server.serve_forever()
            except BaseException as exc:  # asyncio ends it with a cancellation, which gather would pass on
                if not (self._is_closed and self._runtime.is_cancelled(exc)):
                    raise

    async def _stop(self, server: Server) -> None:
        self._in_flight = len(self._begun) - len(self._ended)
        self._is_closed = True
        start_ns = perf_counter_ns()
        await server.close()
        await self._until(lambda: len(self._begun) == len(self._ended))
        self._stop_ns = perf_counter_ns() - start_ns
        self._over.set()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        until = self._runtime.now() + _MOST_SECONDS
        while not is_so() and self._runtime.now() < until:
            await self._runtime.sleep(_SETTLE_SECONDS)

    # --- a client ---

    def _ask_often(self, address: tuple[str, int]) -> None:
        while not self._over.is_set():
            with suppress(OSError):
                if len(_ask(address)) == _REPLY_BYTES:
                    self._answered.append(1)
                    continue
            if self._over.wait(_SETTLE_SECONDS):  # it is closed, or was never reached
                return

    @property
    def begun(self) -> int:
        """How many requests a handler has begun with."""
        return len(self._begun)

    @property
    def answered(self) -> int:
        """How many replies have arrived."""
        return len(self._answered)

    def report(self) -> None:
        """Observe the duration of the stop and the requests in flight."""
        observe = self._probe.observe
        observe("in flight at the stop", self._in_flight)
        observe("time to stop", self._stop_ns / 1e6)
        observe("requests/s", self._requests * 1e9 / self._serving_ns)


def _ask(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address, timeout=_MOST_SECONDS) as sock:
        sock.sendall(_REQUEST)
        reply = b""
        while part := sock.recv(_REPLY_BYTES):
            reply += part
    return reply


_JUDGES: dict[str, Judge] = {
    "time to stop": metric("ms"),
    "requests/s": metric("1/s", better="higher"),
    "lost": bounded(
        at_most=0, reason="a request whose handler has begun is answered", explained_by=("answered",), harm=Harm.DATA
    ),
    "requests begun": info(),
    "answered": info(),
    "in flight at the stop": info(),
}

drain = Scenario(
    name="drain",
    question="Is anything in flight lost when a server is stopped under load, and how long does the stop take?",
    contract=("A request whose handler has begun is answered.",),
    ref="harness_scenarios.load.drain:drain",
    roles={"main": main},
    parameters=(
        Parameter(name="clients", default=8, summary="clients that ask, each in a thread", at_least=1),
        Parameter(name="requests", default=100, summary="requests that are answered before the stop", at_least=1),
        Parameter(name="work", default=5.0, summary="time that a handler takes", unit="ms", at_least=0),
    ),
    judges=_JUDGES,
    headline="time to stop",
    rows={
        "quick": ({},),
        "default": grid(clients=(8, 32)),
        "thorough": grid(clients=(8, 32, 128), requests=(1000,)),
    },
    conserved={"requests begun": ("answered", "lost")},
    requires=(Capability.SERVER, Capability.CANCEL_SCOPE, Capability.GROUP_CANCEL),
    timeout=60.0,
    hang_after=12.0,
    summary="a server that is stopped under load: requests lost, and time until it has stopped",
    catches=("close-cuts-one-connection", "reply-of-handler-lost"),
)
