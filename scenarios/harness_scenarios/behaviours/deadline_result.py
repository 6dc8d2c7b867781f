"""A result and a deadline that come while the loop is busy: the loss that a time-out causes.

The task that holds the loop up makes the result (bytes on the wire, a connection, an item) and then sleeps past the
deadline, all in one step. When the loop turns again it finds both. Threads are not held up, so there the result
comes first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import ByteStream, Capability, ErrorKind, Harm, Runtime, Scenario, allowed, forbidden

from .cancel_target import Target
from .deadline import hold_up
from .question import Trial, make_question
from .raw_peer import Link, RawPeer, dial

_SHORT = 0.002
_PR = "https://github.com/python/cpython/pull/28149"

Operation = Callable[[], Awaitable[object]]


async def _race(runtime: Runtime, trial: Trial, operation: Operation, make_result: Callable[[], object]) -> object:
    """Return the result of the operation, `None` if it timed out."""
    target = Target(runtime, trial)
    results: list[object] = []

    async def operate() -> object:
        await target.say_that_it_waits()
        return await operation()

    async def work() -> None:
        try:
            results.append(await runtime.run_with_timeout(_SHORT, operate))
        except BaseException as exc:  # of a deadline too: not on every runtime is that an Exception
            if runtime.classify(exc) is not ErrorKind.DEADLINE:
                raise
            target.step("times out")
        else:
            target.step("has its result")

    async with runtime.open_task_group() as group:
        await group.spawn(work)
        await target.until_it_waits()
        trial.step("other", "makes the result and keeps the loop busy past the deadline")
        make_result()
        hold_up(2 * _SHORT)
    return results[0] if results else None


# --- bytes ---

BYTES_RECEIVED = "the bytes are received"
BYTES_LEFT = "it times out, the next read gets the bytes"
BYTES_LOST = "it times out, the bytes are lost"


async def _read_with_deadline(runtime: Runtime, trial: Trial) -> str:
    async with Link(runtime) as (stream, peer):

        async def read() -> bytes:
            return await stream.receive_some(100)

        if await _race(runtime, trial, read, lambda: peer.send(b"bytes")):
            return BYTES_RECEIVED
        peer.send_eof()  # so that the next read ends, whatever has become of the bytes
        left = await read()
        trial.step("target", f"reads {left!r}")
        return BYTES_LEFT if left else BYTES_LOST


read_keeps_bytes = make_question(
    _read_with_deadline,
    name="deadline.read-keeps-bytes",
    question="Bytes arrive and the deadline of a read passes while the loop is busy: are the bytes lost?",
    contract=("Bytes that were received are returned, or still there.",),
    ref="harness_scenarios.behaviours.deadline_result:read_keeps_bytes",
    answers={
        BYTES_RECEIVED: allowed("the bytes came first"),
        BYTES_LEFT: allowed("the deadline wins, the bytes are still there"),
        BYTES_LOST: forbidden("the stream has a gap, and no error is raised", _PR, harm=Harm.DATA),
    },
    repetitions=10,
    requires=(Capability.DEADLINE,),
    variants=("asyncio:io=sock", "uvloop:io=sock", "asyncio:io=sock,timeout=wait_for"),
    catches=("cancelled-read-drops",),
)


# --- a connection ---

ACCEPTED = "the connection is accepted"
LEFT_TO_ACCEPT = "it times out, the next accept gets the connection"
CONNECTION_LOST = "it times out, the connection is lost"


async def _accept_with_deadline(runtime: Runtime, trial: Trial) -> str:
    listener = await runtime.listen()
    peers: list[RawPeer] = []
    streams: list[ByteStream] = []

    async def accept() -> bool:
        streams.append(await listener.accept())
        return True

    def arrive() -> None:
        peers.append(dial(listener))
        peers[-1].send(b"%d" % len(peers))

    try:
        if await _race(runtime, trial, accept, arrive):
            return ACCEPTED
        arrive()  # so that the next accept ends, whatever has become of the first connection
        await accept()
        number = await streams[0].receive_some(1)
        trial.step("target", f"accepts connection {number.decode()}")
        return LEFT_TO_ACCEPT if number == b"1" else CONNECTION_LOST
    finally:
        for peer in peers:
            peer.reset()
        for stream in streams:
            await stream.abort()
        await listener.aclose()


accept_keeps_connection = make_question(
    _accept_with_deadline,
    name="deadline.accept-keeps-connection",
    question="A client connects and the deadline of an accept passes while the loop is busy: is the connection lost?",
    contract=("A connection that was accepted is returned, or still there.",),
    ref="harness_scenarios.behaviours.deadline_result:accept_keeps_connection",
    answers={
        ACCEPTED: allowed("the connection came first"),
        LEFT_TO_ACCEPT: allowed("the deadline wins, the connection is still there"),
        CONNECTION_LOST: forbidden(
            "the client is connected without a server",
            f"{_PR}; https://github.com/python/cpython/issues/153761",
            harm=Harm.DATA,
        ),
    },
    repetitions=10,
    requires=(Capability.DEADLINE,),
    variants=("asyncio:io=sock", "uvloop:io=sock", "asyncio:io=sock,timeout=wait_for"),
)


SCENARIOS: tuple[Scenario, ...] = (read_keeps_bytes, accept_keeps_connection)
