"""The server of a storm: reads each request to its end, replies and closes, until the client has ended."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from time import monotonic, process_time

from harness.api import ByteStream, ErrorKind, Listener, Probe, Runtime, TaskGroup
from harness_scenarios.parts.encryption import make_listen
from harness_scenarios.parts.whole_message import receive_to_eof

from .exchange import Exchange
from .posix import read_run_delay
from .schedule import ErrorSamples

SERVER_PROCESS = "process"
"""Under this name the server shares the number of its process."""
ACCEPTED = "connections accepted"
ANSWERED = "connections answered"
UNFINISHED = "handlers unfinished"
UNANSWERED = {
    "requests short": "the client went away, or lost bytes, before its request was whole",
    "requests damaged": "the request is whole but not one that a client sends",
    "handler errors": "reading, answering or closing raised",
}
PARTS_OF_ACCEPTED = (ANSWERED, *UNANSWERED, UNFINISHED)
"""The keys that add up to `ACCEPTED`."""
_ACCEPT_PAUSE = 0.01
"""Pause in seconds after a failed accept: without it a full table of fds makes the loop spin."""
CAPACITY_LEFT, CAPACITY_USED_UP, MACHINE_BUSY = "left", "used up", "the machine is busy"
_WHOLE_CPU = 0.9
"""Share of a CPU from which on a server on one thread has nothing left."""
_MOST_DELAY = 0.2
"""Share of the time for which it may be ready and have no CPU."""
_LAST_MOMENTS = 0.5
"""Seconds that handlers have when the client has ended. A client has its whole reply before its handler has ended."""
_MOMENT = 0.005


async def server(runtime: Runtime, probe: Probe) -> None:
    """Answer every connection until the client has ended."""
    async with AsyncExitStack() as stack:
        desk = _Desk(runtime, probe)
        listeners = await _listen(runtime, probe, desk.request_bytes, stack)
        meter = _Meter()
        probe.share(SERVER_PROCESS, os.getpid())
        probe.share("address", list(listeners[0].address))
        async with runtime.open_task_group() as group:
            for listener in listeners:
                await group.spawn(desk.accept_connections, listener, group)
            await probe.until_ended("client")
            await desk.finish()
            await group.cancel()
    probe.observe("server CPU", meter.cpu_seconds())
    probe.observe("capacity", meter.judge(served_most=desk.served_most))
    desk.report()


class _Meter:
    """Resource usage of the server since the meter was created."""

    def __init__(self) -> None:
        self._started, self._cpu, self._delay = monotonic(), process_time(), read_run_delay()

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its threads."""
        return process_time() - self._cpu

    def judge(self, *, served_most: bool) -> str:
        """Return whether it could have done more. A server that spins and answers little has used up nothing."""
        seconds = max(monotonic() - self._started, 1e-9)
        if (read_run_delay() - self._delay) / seconds > _MOST_DELAY:
            return MACHINE_BUSY
        return CAPACITY_USED_UP if served_most and self.cpu_seconds() / seconds > _WHOLE_CPU else CAPACITY_LEFT


async def _listen(runtime: Runtime, probe: Probe, request_bytes: int, stack: AsyncExitStack) -> list[Listener]:
    """Return as many listeners on one port as there are acceptors; the stack closes them."""
    acceptors, backlog = probe.parameters["acceptors"], probe.parameters["backlog"]
    listen = make_listen(runtime, probe, request_bytes)
    listeners: list[Listener] = []
    for _ in range(acceptors):
        port = listeners[0].address[1] if listeners else 0
        listener = await listen(port=port, backlog=backlog, reuse_port=acceptors > 1)
        stack.push_async_callback(listener.aclose)
        listeners.append(listener)
    return listeners


class _Desk:
    """Accepts and answers connections, and counts what became of them."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._exchange = Exchange(probe.parameters, probe.seed)
        # `append` is atomic, also between threads.
        self._accepted: list[Listener] = []
        self._endings: list[str] = []
        self._accept_errors: list[Listener] = []
        self._errors = ErrorSamples()

    @property
    def request_bytes(self) -> int:
        """Size of a request."""
        return self._exchange.request_bytes

    @property
    def served_most(self) -> bool:
        """Whether at least half of the accepted connections have been answered."""
        return 2 * self._endings.count(ANSWERED) >= len(self._accepted)

    async def accept_connections(self, listener: Listener, group: TaskGroup) -> None:
        """Accept until cancelled or closed; a failed accept does not end it."""
        while True:
            try:
                stream = await listener.accept()
            except Exception as exc:
                if self._runtime.is_cancelled(exc) or self._runtime.classify(exc) is ErrorKind.CLOSED:
                    raise
                self._accept_errors.append(listener)
                self._errors.keep(exc)
                await self._runtime.sleep(_ACCEPT_PAUSE)
            else:
                self._accepted.append(listener)
                await self._hand_over(group, stream)

    async def finish(self) -> None:
        """Wait for the handlers that are about to end."""
        async with self._runtime.move_on_after(_LAST_MOMENTS):
            while len(self._endings) < len(self._accepted):
                await self._runtime.sleep(_MOMENT)

    async def _hand_over(self, group: TaskGroup, stream: ByteStream) -> None:
        try:
            await group.spawn(self._attend, stream)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self._fail(exc)
            await stream.aclose()

    async def _attend(self, stream: ByteStream) -> None:
        try:
            try:
                ending = await self._answer(stream)
            finally:
                await stream.aclose()
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self._fail(exc)
        else:
            self._endings.append(ending)
        self._probe.advance()

    async def _answer(self, stream: ByteStream) -> str:
        request = await receive_to_eof(stream, self._exchange.request_bytes)
        if len(request) < self._exchange.request_bytes:
            return "requests short"
        reply = self._exchange.make_reply(request)
        if reply is None:
            return "requests damaged"
        await stream.send_all(reply)
        return ANSWERED

    def _fail(self, exc: Exception) -> None:
        self._errors.keep(exc)
        self._endings.append("handler errors")

    def report(self) -> None:
        """Observe the counts; they add up to the connections accepted."""
        self._probe.observe(ACCEPTED, len(self._accepted))
        for ending in (ANSWERED, *UNANSWERED):
            self._probe.observe(ending, self._endings.count(ending))
        self._probe.observe(UNFINISHED, len(self._accepted) - len(self._endings))
        self._probe.observe("accept errors", len(self._accept_errors))
        self._probe.observe("acceptors used", len({id(listener) for listener in self._accepted}))
        for text in self._errors.texts():
            self._probe.observe("server error", text)
