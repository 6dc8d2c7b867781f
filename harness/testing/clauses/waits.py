"""Each kind of wait of the contract, and the clauses that every one of them can be interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from harness.api import Capability, ErrorKind, Runtime

from .clause import clause, require_equal, settle

Wait = Callable[[], Awaitable[object]]
"""Waits for ever, unless it is interrupted."""
OpenWait = Callable[[Runtime], AbstractAsyncContextManager[Wait]]
"""Opens something to wait for."""


@asynccontextmanager
async def in_sleep(runtime: Runtime) -> AsyncIterator[Wait]:
    """Sleep for an hour."""
    yield lambda: runtime.sleep(3600)


@asynccontextmanager
async def in_event(runtime: Runtime) -> AsyncIterator[Wait]:
    """Wait for an event that is never set."""
    yield runtime.create_event().wait


@asynccontextmanager
async def in_lock(runtime: Runtime) -> AsyncIterator[Wait]:
    """Wait for a lock that another task holds; a second acquire by its owner is left open."""
    lock, held, enough = runtime.create_lock(), runtime.create_event(), runtime.create_event()

    async def holder() -> None:
        async with lock:
            await held.set()
            await enough.wait()

    async with runtime.open_task_group() as group:
        await group.spawn(holder)
        await held.wait()
        try:
            yield lock.acquire
        finally:
            await enough.set()


@asynccontextmanager
async def in_semaphore(runtime: Runtime) -> AsyncIterator[Wait]:
    """Wait for a permit where none is left."""
    semaphore = runtime.create_semaphore(1)
    async with semaphore:
        yield semaphore.acquire


@asynccontextmanager
async def in_condition(runtime: Runtime) -> AsyncIterator[Wait]:
    """Wait for a notification that never comes."""
    condition = runtime.create_condition()

    async def wait() -> None:
        async with condition:
            await condition.wait()

    yield wait


@asynccontextmanager
async def in_receive(runtime: Runtime) -> AsyncIterator[Wait]:
    """Receive from an empty channel."""
    _send, receive = runtime.open_channel(1)
    yield receive.receive


@asynccontextmanager
async def in_rendezvous_receive(runtime: Runtime) -> AsyncIterator[Wait]:
    """Receive without a sender."""
    _send, receive = runtime.open_channel(0)
    yield receive.receive


@asynccontextmanager
async def in_full_send(runtime: Runtime) -> AsyncIterator[Wait]:
    """Send into a full channel."""
    send, _receive = runtime.open_channel(1)
    await send.send("fills it")
    yield lambda: send.send("too many")


@asynccontextmanager
async def in_rendezvous_send(runtime: Runtime) -> AsyncIterator[Wait]:
    """Send without a receiver."""
    send, _receive = runtime.open_channel(0)
    yield lambda: send.send("to no receiver")


@asynccontextmanager
async def in_accept(runtime: Runtime) -> AsyncIterator[Wait]:
    """Accept without a client."""
    listener = await runtime.listen()
    yield listener.accept
    await listener.aclose()


@asynccontextmanager
async def in_stream_read(runtime: Runtime) -> AsyncIterator[Wait]:
    """Receive from a peer that sends nothing."""
    listener = await runtime.listen()
    stream = await runtime.connect(*listener.address)
    peer = await listener.accept()
    yield lambda: stream.receive_some(10)
    await stream.aclose()
    await peer.aclose()
    await listener.aclose()


@asynccontextmanager
async def in_stream_write(runtime: Runtime) -> AsyncIterator[Wait]:
    """Send more to a peer that does not read than any buffer holds."""
    listener = await runtime.listen()
    stream = await runtime.connect(*listener.address)
    peer = await listener.accept()
    yield lambda: stream.send_all(bytes(32 << 20))
    # Reset by the peer where the runtime has no `abort`: closing `stream` may wait for bytes that it has accepted.
    await peer.aclose()
    await stream.aclose()
    await listener.aclose()


WAITS: dict[str, tuple[OpenWait, tuple[Capability, ...]]] = {
    "sleep": (in_sleep, ()),
    "event": (in_event, ()),
    "lock": (in_lock, ()),
    "semaphore": (in_semaphore, ()),
    "condition": (in_condition, ()),
    "receive": (in_receive, (Capability.CHANNEL,)),
    "rendezvous receive": (in_rendezvous_receive, (Capability.RENDEZVOUS,)),
    "full send": (in_full_send, (Capability.CHANNEL,)),
    "rendezvous send": (in_rendezvous_send, (Capability.RENDEZVOUS,)),
    "accept": (in_accept, ()),
    "stream read": (in_stream_read, ()),
    "stream write": (in_stream_write, ()),
}
"""By name: how it is opened, and the capabilities needed for it."""


def _register_interruptions(name: str, open_wait: OpenWait, requires: tuple[Capability, ...]) -> None:
    @clause(
        f"cancelling a group wakes a task that waits in {name}",
        of="TaskGroup.cancel",
        requires=(Capability.GROUP_CANCEL, *requires),
    )
    async def group_cancel_wakes(runtime: Runtime) -> None:
        """Require that the wait ended by the runtime's cancellation, and that nothing left the group."""
        ends: list[object] = []
        about = runtime.create_event()
        async with open_wait(runtime) as wait:

            async def waiter() -> None:
                await about.set()
                try:
                    ends.append(f"returned {await wait()!r}")
                except BaseException as exc:
                    ends.append(runtime.classify(exc))
                    raise

            async with runtime.open_task_group() as group:
                await group.spawn(waiter)
                await about.wait()
                await settle(runtime)
                await group.cancel()
        require_equal("how the wait ended", expected=[ErrorKind.CANCELLED], actual=ends)

    @clause(
        f"a deadline ends a wait in {name}",
        of="Runtime.move_on_after",
        requires=(Capability.DEADLINE, *requires),
    )
    async def deadline_ends(runtime: Runtime) -> None:
        """Require that the wait did not end otherwise, and that the program goes on."""
        ends: list[object] = []
        async with open_wait(runtime) as wait:
            async with runtime.move_on_after(0.01) as scope:
                ends.append(f"returned {await wait()!r}")
            await runtime.sleep(0.001)
        require_equal("the result of the wait", expected=[], actual=ends)
        require_equal("cancelled_caught", expected=True, actual=scope.cancelled_caught)


for _name, (_open_wait, _requires) in WAITS.items():
    _register_interruptions(_name, _open_wait, _requires)
