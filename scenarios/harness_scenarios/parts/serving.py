"""What servers of kept connections share: attend each until the client has ended, and read a message whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import ByteStream, Listener, Probe, Runtime, TaskGroup

from .encryption import Listen

_MOST_AT_ONCE = 65_536

Attend = Callable[[ByteStream], Awaitable[None]]


async def serve_until_client_ends(runtime: Runtime, probe: Probe, attend: Attend, listen: Listen | None = None) -> None:
    """Share an address and attend each connection in a task of its own, until the client has ended.

    An exception of an attendance is observed as "server error". The client reports missing replies; a client that
    goes away is no failure of the server. `listen` takes the place of `runtime.listen`.
    """
    # All connections come at once; one that finds the backlog full is tried again after a second.
    listener = await (listen or runtime.listen)(backlog=1024)
    try:
        probe.share("address", list(listener.address))
        async with runtime.open_task_group() as group:
            await group.spawn(_accept_connections, runtime, probe, listener, group, attend)
            await probe.until_ended("client")
            await group.cancel()
    finally:
        await listener.aclose()


async def _accept_connections(
    runtime: Runtime, probe: Probe, listener: Listener, group: TaskGroup, attend: Attend
) -> None:
    async def attend_and_close(stream: ByteStream) -> None:
        try:
            await attend(stream)
        except Exception as exc:
            if runtime.is_cancelled(exc):
                raise
            probe.observe("server error", f"{type(exc).__name__}: {exc}"[:300])
        finally:
            await stream.aclose()

    while True:
        await group.spawn(attend_and_close, await listener.accept())


async def receive_exactly(stream: ByteStream, size: int) -> bytes:
    """Return the next `size` bytes, or fewer if the stream ends before."""
    data = await stream.receive_some(min(size, _MOST_AT_ONCE))
    if len(data) == size or not data:
        return data
    parts, missing = [data], size - len(data)
    while missing and (data := await stream.receive_some(min(missing, _MOST_AT_ONCE))):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
