"""A descriptor that several tasks use, and one whose number is used again while a task still waits for the old one."""

from __future__ import annotations

import os

from harness.api import (
    ByteStream,
    CancelScope,
    Capability,
    ErrorKind,
    Harm,
    Listener,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    interesting,
)

from ..parts.sandbox import Sandbox
from .positions import list_positions
from .question import NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import RawListener, RawPeer, dial
from .stream_attempt import NEEDED, RETURNS, Attempt, settle, wait_patiently

_MODULE = "harness_scenarios.behaviours.descriptors_shared"
_READ_BYTES = 100
_SECONDS = 30.0
"""Limit of a trial, of which a healthy one takes less than a second."""
SOCK = ("asyncio:io=sock", "uvloop:io=sock")

# --- a number that is used again ---

WHOLE = "the new connection has its bytes"
STOLEN = "the old reader has bytes of the new connection"
DEAF = "a reader of the new connection is not woken"
FAILS = "the new connection fails"
KILLS = "the run ends with an error of its own"
_RUN_SECONDS = 20.0
_NEW = b"new"


async def _use_again_apart(runtime: Runtime, trial: Trial) -> str:
    """In a scheduler of its own, which this may end."""
    answers: list[str] = []

    async def main(inner: Runtime) -> None:
        answers.append(await _use_again(inner, trial))

    sandbox = Sandbox(runtime, main)
    if not await sandbox.until_ended(_RUN_SECONDS):
        return NEVER_ENDS
    return answers[0] if answers else KILLS


async def _use_again(runtime: Runtime, trial: Trial) -> str:
    """A task reads a stream; another one closes it and connects anew; then that connection is read and written."""
    with RawListener() as server:
        old = await runtime.connect(*server.address)
        peers = [server.accept()]
        reading, again = Attempt(runtime, trial, "old reader"), Attempt(runtime, trial, "new reader")
        connecting, writing = Attempt(runtime, trial, "client"), Attempt(runtime, trial, "writer")
        async with runtime.open_task_group() as group:
            await group.spawn(reading.make, "reads", old.receive_some, _READ_BYTES)
            await reading.settled()
            before = _numbers()
            await old.aclose()
            await group.spawn(connecting.make, "connects", runtime.connect, *server.address)
            await connecting.patiently()
            trial.observe("the number is used again", _numbers() == before)
            received = b""
            if connecting.answer == RETURNS:
                new = connecting.result
                peers.append(server.accept())
                await group.spawn(again.make, "reads", new.receive_some, _READ_BYTES)
                await again.settled()
                peers[1].send(_NEW)
                await again.patiently()
                await group.spawn(writing.make, "writes", new.send_all, _NEW)
                received = (await peers[1].receive(runtime, len(_NEW))).head
            await group.cancel()
        for peer in peers:
            peer.reset()
        if connecting.answer == RETURNS:
            await _abort(runtime, connecting.result)
    trial.observe("the old reader", reading.answer if reading.answer != RETURNS else "the end of its stream")
    return _judge(reading, (connecting, again, writing), received)


def _judge(reading: Attempt, new: tuple[Attempt, Attempt, Attempt], received: bytes) -> str:
    if reading.result:
        return STOLEN
    if any(made.error is not None for made in new):
        return FAILS
    if not all(made.ended for made in new):
        return DEAF
    return WHOLE if (new[1].result, received) == (_NEW, _NEW) else STOLEN


async def _abort(runtime: Runtime, stream: ByteStream) -> None:
    try:
        await stream.abort()
    except Exception as exc:
        if runtime.is_cancelled(exc):
            raise


def _numbers() -> set[str]:
    return set(os.listdir("/dev/fd"))  # noqa: PTH208 - names, not paths


number_used_again = make_question(
    _use_again_apart,
    name="descriptors.number-used-again",
    question="A stream is closed while a task reads it, and a new connection gets its number: whose are the bytes?",
    contract=("A connection has its own bytes, and its readers are woken, whatever had its number before.",),
    ref=f"{_MODULE}:number_used_again",
    answers={
        WHOLE: allowed("what waited for the old one is forgotten, or was woken"),
        STOLEN: forbidden("bytes of one connection reach the reader of another", harm=Harm.DATA),
        DEAF: forbidden("what waits for the old one hides the new one", harm=Harm.HANG),
        KILLS: forbidden("the new connection has nothing to do with the old one", harm=Harm.CRASH),
        FAILS: forbidden("the new connection has nothing to do with the old one", harm=Harm.DATA),
        NEVER_ENDS: forbidden("every call here ends"),
    },
    repetitions=5,
    judges={"the number is used again": NOTED, "the old reader": NOTED},
    requires=(*NEEDED, Capability.ABORT, Capability.BRIDGE),
    seconds=_SECONDS,
    variants=(*SOCK, "threads:close=shutdown"),
    catches=("old-reader-takes-bytes-of-another", "stale-wait-hides-the-new"),
)

# --- several acceptors ---

EACH_ONE = "each client is accepted once"
BUSY = "the second acceptor gets an error, and the first one works"
NOT_WOKEN = "an acceptor waits although a client has connected"
LOST = "a client is lost"
_SIZES = (2, 3, 5)


class _Acceptors:
    """Tasks that accept on one listener, each in a scope of its own."""

    def __init__(self, runtime: Runtime, trial: Trial, size: int) -> None:
        self._runtime = runtime
        self.made = [Attempt(runtime, trial, f"acceptor {number + 1}") for number in range(size)]
        self.scopes: dict[int, CancelScope] = {}

    async def accept(self, number: int, listener: Listener) -> None:
        """Accept one client."""
        async with self._runtime.open_cancel_scope() as scope:
            self.scopes[number] = scope
            await self.made[number].make("accepts", listener.accept)

    def list_busy(self) -> list[int]:
        """Return which ones have got an error that says so."""
        classify = self._runtime.classify
        errors = {number: made.error for number, made in enumerate(self.made)}
        return [number for number, exc in errors.items() if exc is not None and classify(exc) is ErrorKind.BUSY]

    async def answer(self, left: list[int], clients: list[RawPeer]) -> str:
        """Wait for the acceptors that are left, and return what has become of the clients."""
        waiting = [self.made[number] for number in left]
        await wait_patiently(self._runtime, lambda: all(made.ended for made in waiting))
        served = 0
        for made in waiting:
            if made.answer == RETURNS:
                await made.result.send_all(b"x")
        for client in clients:
            served += (await client.receive(self._runtime, 1)).count
        for made in self.made:
            if made.answer == RETURNS:
                await made.result.abort()
        if not all(made.ended for made in waiting):
            return NOT_WOKEN
        return EACH_ONE if served == len(clients) else LOST


async def _accept_together(runtime: Runtime, trial: Trial, size: int, cancelled: int) -> str:
    listener = await runtime.listen()
    acceptors = _Acceptors(runtime, trial, size)
    clients: list[RawPeer] = []
    async with runtime.open_task_group() as group:
        for number in range(size):
            await group.spawn(acceptors.accept, number, listener)
            await acceptors.made[number].settled()
        busy = acceptors.list_busy()
        if not busy:
            await acceptors.scopes[cancelled].cancel()
            await settle(runtime)
        left = [number for number in range(size) if number not in (busy or [cancelled])]
        clients += [dial(listener) for _ in left]
        answer = await acceptors.answer(left, clients)
        await group.cancel()
    for client in clients:
        client.reset()
    await listener.aclose()
    return BUSY if busy and answer == EACH_ONE else answer


async def _accept_at_once(runtime: Runtime, trial: Trial) -> str:
    """2, 3 and 5 tasks accept on one listener, one of them is cancelled, and as many clients connect as are left."""
    answer = EACH_ONE
    for size in _SIZES:
        for position in list_positions(size):
            answer = await _accept_together(runtime, trial, size, position)
            if answer in (NOT_WOKEN, LOST):
                trial.observe("case", f"number {position + 1} of {size} is cancelled")
                return answer
    return answer


several_acceptors = make_question(
    _accept_at_once,
    name="descriptors.several-acceptors",
    question="2 to 5 tasks accept on one listener and one of them is cancelled: is each client accepted once?",
    contract=("Each client is accepted once, and no acceptor waits while a client does.",),
    ref=f"{_MODULE}:several_acceptors",
    answers={
        EACH_ONE: allowed("acceptors share the listener"),
        BUSY: interesting(
            "one task at a time may wait for a socket; another one is refused",
            "https://trio.readthedocs.io/en/stable/reference-core.html#trio.BusyResourceError",
            harm=Harm.ERROR,
        ),
        NOT_WOKEN: forbidden("a client waits, and so does an acceptor", harm=Harm.SERVER),
        LOST: forbidden("a client that has connected is accepted", harm=Harm.DATA),
        NEVER_ENDS: forbidden("every call here ends"),
    },
    repetitions=1,
    judges={"case": NOTED},
    requires=(*NEEDED, Capability.CANCEL_SCOPE),
    seconds=_SECONDS,
    variants=SOCK,
    catches=("cancelled-acceptor-takes-its-turn", "acceptor-behind-another-sleeps"),
)

SCENARIOS: tuple[Scenario, ...] = (number_used_again, several_acceptors)
