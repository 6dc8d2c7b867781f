"""Soak: do one thing many times and ask whether the process holds more and more.

Each cycle closes its descriptors and joins its tasks. Fds and tasks are counted before and after the same number of
cycles, so a leak in each cycle shows as a slope, and resources that a runtime keeps for itself do not. Memory is
judged by its growth over the second half of the cycles: a runtime's pools and caches fill in the first.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Awaitable, Callable
from functools import wraps

from harness.api import Harm, Parameter, Probe, Runtime, Scenario, bounded, info
from harness_scenarios.parts.posix import read_resident_bytes

from .question import SCRIPTS

Cycle = Callable[[Runtime], Awaitable[None]]

_SETTLE_TURNS = 200
_SETTLE_SECONDS = 0.005
_MOST_GROWTH_KIB = 1024.0


async def _connections(runtime: Runtime) -> None:
    listener = await runtime.listen()
    async with runtime.open_task_group() as group:

        async def serve() -> None:
            stream = await listener.accept()
            await stream.send_all(await stream.receive_some(16))
            await stream.aclose()

        await group.spawn(serve)
        client = await runtime.connect(*listener.address)
        await client.send_all(b"once")
        await client.receive_some(16)
        await client.aclose()
    await listener.aclose()


async def _spawn(runtime: Runtime) -> None:
    async with runtime.open_task_group() as group:
        await group.spawn(runtime.checkpoint)
        await group.spawn(runtime.checkpoint)


async def _cancel(runtime: Runtime) -> None:
    event, started = runtime.create_event(), runtime.create_event()

    async def wait() -> None:
        await started.set()
        await event.wait()

    async with runtime.open_task_group() as group:
        await group.spawn(wait)
        await started.wait()
        await group.cancel()


async def _channels(runtime: Runtime) -> None:
    send, receive = runtime.open_channel(1)
    async with runtime.open_task_group() as group:
        await group.spawn(send.send, b"x" * 64)
        await receive.receive()
    await send.aclose()


def count_fds() -> int | None:
    """Return how many fds are open; nothing where the system does not say."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    except OSError:
        return None


async def _soak(runtime: Runtime, probe: Probe, cycle: Cycle) -> None:
    cycles: int = probe.parameters["cycles"]
    fds, tasks, memory = await _take(runtime, probe, cycle, cycles)
    fds_after, tasks_after, memory_after = await _take(runtime, probe, cycle, cycles)
    probe.observe("cycles", cycles)
    probe.observe("tasks left", tasks_after - tasks)
    if fds is not None and fds_after is not None:
        probe.observe("fds left", fds_after - fds)
    if memory is not None and memory_after is not None:
        probe.observe("memory growth", (memory_after - memory) / 1024 / cycles * 1000)


async def _take(runtime: Runtime, probe: Probe, cycle: Cycle, cycles: int) -> tuple[int | None, int, int | None]:
    for _ in range(cycles):
        await cycle(runtime)
        probe.advance()
    fewest = (count_fds(), len(runtime.tasks()))
    for _ in range(_SETTLE_TURNS):
        # A closed resource may go only some turns of the scheduler later: stop where the count is stable.
        await runtime.sleep(_SETTLE_SECONDS)
        found = (count_fds(), len(runtime.tasks()))
        if found == fewest:
            break
        fewest = found
    gc.collect()
    return count_fds(), len(runtime.tasks()), read_resident_bytes()


_FD_STAYS_OPEN = "a socket stays open"
"""The only descriptors of these cycles are sockets. The symptom has the name that it has in `stream.*`."""


def _make(name: str, cycle: Cycle, question: str, *, catches: tuple[str, ...]) -> Scenario:
    @wraps(cycle, assigned=(), updated=())  # `inspect.getsource` shows the cycle
    async def main(runtime: Runtime, probe: Probe) -> None:
        await _soak(runtime, probe, cycle)

    return Scenario(
        scripts=SCRIPTS,
        name=f"leak.{name}",
        summary="start and stop, again and again",
        question=question,
        contract=("a closed object leaves no fd", "an ended operation leaves no task", "memory stops growing"),
        ref=f"{__name__}:{name}",
        roles={"main": main},
        parameters=(
            Parameter(name="cycles", default=500, summary="cycles before and after the first count", at_least=1),
        ),
        judges={
            "fds left": bounded(
                at_most=0, reason="everything that a cycle opens it closes", harm=Harm.LEAK, symptom=_FD_STAYS_OPEN
            ),
            "tasks left": bounded(at_most=0, reason="every task that a cycle starts it joins", harm=Harm.LEAK),
            "memory growth": bounded(
                at_most=_MOST_GROWTH_KIB,
                reason="KiB for each 1,000 cycles; the allocations of a cycle are free after it",
                harm=Harm.LEAK,
            ),
            "cycles": info(),
        },
        headline="memory growth",
        side_by_side=True,
        rows={"quick": ({"cycles": 200},), "default": ({"cycles": 500},), "stress": ({"cycles": 5000},)},
        timeout=120.0,
        catches=catches,
    )


connections = _make(
    "connections",
    _connections,
    "Does a connection that is opened and closed leave something behind?",
    catches=("stream-keeps-an-fd",),
)
spawn = _make(
    "spawn", _spawn, "Do tasks that are spawned and joined leave something behind?", catches=("group-keeps-a-task",)
)
cancel = _make(
    "cancel",
    _cancel,
    "Does a task that is cancelled while it waits leave something behind?",
    catches=("group-keeps-a-task",),
)
channels = _make(
    "channels",
    _channels,
    "Does a channel that is used once and closed leave something behind?",
    catches=("channel-keeps-memory",),
)

LEAKS = (connections, spawn, cancel, channels)
"""The family."""
