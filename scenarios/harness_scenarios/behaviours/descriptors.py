"""The cancelled path of descriptors: a hundred calls of a kind are cancelled, or fail, and are all closed afterwards.

Child processes have questions of their own: `process.cancelled-start-leaves-nothing`, `process.failed-start-...`.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import Any

from harness.api import (
    ByteStream,
    Capability,
    Harm,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    names_of,
    unix_of,
)

from ..parts.children import count_descriptors
from ..parts.planted_names import PlantedNames, bind_port, has_addresses
from ..parts.unix_paths import folder, serve_raw
from .fairness_turns import give_turns
from .question import NEVER_ENDS, NOTED, PrerequisiteError, Trial, make_question
from .raw_peer import SOCKET_STAYS_OPEN, RawListener
from .stream_attempt import NEEDED, settle, wait_patiently

_MODULE = "harness_scenarios.behaviours.descriptors"
_MORE_THAN_BUFFERS = bytes(3 << 20)
_SETTLE_TURNS = 200
_SECONDS = 30.0
"""Limit of a trial, of which a healthy one takes about half a second."""
_MOST_KEPT = 2
"""A runtime may keep a descriptor for itself, such as that of a thread which has just ended."""
_TURNS = range(9)
_TIMES = 11
"""Of each turn: a hundred cancellations together."""

Call = Callable[[], Awaitable[Any]]
"""A call that returns a stream, or nothing that is to be closed."""
Opened = AbstractAsyncContextManager[Call]


async def _count_left(runtime: Runtime, trial: Trial, before: int) -> int:
    """Wait until the descriptors are closed again, and return how many are not."""
    await wait_patiently(runtime, lambda: count_descriptors() <= before, turns=_SETTLE_TURNS)
    left = count_descriptors() - before
    trial.observe("left", left)
    if left > 0:
        gc.collect()
        await settle(runtime)
        trial.observe("left after the collector", count_descriptors() - before)
    return left


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep the collector from closing leftovers of a call: when it runs is chance."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- cancelled ---


@asynccontextmanager
async def _silent_connect(runtime: Runtime) -> AsyncIterator[Call]:
    """Connect to an address that does not answer, or answers at once where the system has no such address."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield lambda: runtime.connect(*server.getsockname())


@asynccontextmanager
async def _ready_connect(runtime: Runtime) -> AsyncIterator[Call]:
    with RawListener() as server:

        async def connect() -> ByteStream:
            stream = await runtime.connect(*server.address)
            server.accept().reset()
            return stream

        yield connect


@asynccontextmanager
async def _idle_accept(runtime: Runtime) -> AsyncIterator[Call]:
    listener = await runtime.listen()
    try:
        yield listener.accept
    finally:
        await listener.aclose()


@asynccontextmanager
async def _full_send(runtime: Runtime) -> AsyncIterator[Call]:
    """Send more than any buffer holds to a peer that does not read, on a connection that is closed then."""
    with RawListener(receive_buffer=4096) as server:

        async def send() -> None:
            stream = await runtime.connect(*server.address)
            peer = server.accept()
            try:
                await stream.send_all(_MORE_THAN_BUFFERS)
            finally:
                peer.reset()
                await stream.abort()

        yield send


@asynccontextmanager
async def _look_up(runtime: Runtime) -> AsyncIterator[Call]:
    """Look up a name and connect to it; the name server takes its time."""
    with PlantedNames({"fast.test": ["127.0.0.1"]}) as plants, RawListener() as server:
        if not await plants.are_asked(runtime):
            raise PrerequisiteError(NOT_ASKED)

        async def connect() -> ByteStream:
            stream = await names_of(runtime).connect_by_name("fast.test", server.address[1])
            server.accept().reset()
            return stream

        yield connect


@asynccontextmanager
async def _unix_connect(runtime: Runtime) -> AsyncIterator[Call]:
    with folder() as place, serve_raw(str(place / "s"), 200):
        yield lambda: unix_of(runtime).connect_unix(str(place / "s"))


@asynccontextmanager
async def _unix_accept(runtime: Runtime) -> AsyncIterator[Call]:
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"))
        try:
            yield listener.accept
        finally:
            await listener.aclose()


_CALLS: dict[str, Callable[[Runtime], Opened]] = {
    "connect to a silent address": _silent_connect,
    "connect": _ready_connect,
    "accept": _idle_accept,
    "send": _full_send,
    "connect by name": _look_up,
    "connect to a Unix socket": _unix_connect,
    "accept on a Unix socket": _unix_accept,
}
NONE_LEFT = "no descriptor is left"
SOME_LEFT = "descriptors are left"
NOT_ASKED = "its look-ups are not those of socket.getaddrinfo"
NO_ADDRESSES = "the system has one loopback address only"


async def _cancel_after(runtime: Runtime, call: Call, turns: int) -> None:
    """Cancel a call so many turns after its start; a stream that it returns is closed."""
    async with runtime.open_task_group() as group:

        async def make() -> None:
            stream = await call()
            if stream is not None:
                await stream.abort()

        await group.spawn(make)
        await give_turns(runtime, turns)
        await group.cancel()


async def _cancel_each(runtime: Runtime, trial: Trial, calls: tuple[str, ...]) -> str:
    """Cancel each call 0 to 8 turns after its start, eleven times each; the first ones are for its own needs."""
    for what in calls:
        async with _CALLS[what](runtime) as call:
            for turns in _TURNS:
                await _cancel_after(runtime, call, turns)
            await settle(runtime)
            with _no_collector():
                before = count_descriptors()
                for turns in (*_TURNS,) * _TIMES:
                    await _cancel_after(runtime, call, turns)
                left = await _count_left(runtime, trial, before)
        trial.step("process", f"{what}: {max(left, 0)} descriptors are left of {len(_TURNS) * _TIMES} calls")
        if left > _MOST_KEPT:
            trial.observe("case", what)
            return SOME_LEFT
    return NONE_LEFT


SUCCEEDS = "a call that must fail returns"
SOCK = ("asyncio:io=sock", "uvloop:io=sock")
_SCREENED = ("cancelled-call", "cancelled-unix-call", "failed-call", "failed-unix-call", "failed-connect-by-name")
"""Those with faults that no cheaper question catches."""


def _make(
    ask: Callable[[Runtime, Trial], Awaitable[str]],
    name: str,
    attribute: str,
    question: str,
    contract: str,
    more: tuple[Capability, ...],
    catches: tuple[str, ...],
) -> Scenario:
    return make_question(
        ask,
        name=f"descriptors.{name}",
        question=question,
        contract=(contract,),
        ref=f"{_MODULE}:{attribute}",
        answers={
            NONE_LEFT: allowed("each call closes its own descriptors"),
            NOT_ASKED: allowed("nothing can be asked without a name server"),
            NO_ADDRESSES: allowed("127.0.0.2 and the following ones are Linux"),
            SOME_LEFT: forbidden(
                "a program whose calls end so runs out of descriptors", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
            ),
            SUCCEEDS: forbidden("it must fail", harm=Harm.DATA),
            NEVER_ENDS: forbidden("a call that is cancelled, or fails, ends"),
        },
        repetitions=1,
        judges={"left": NOTED, "left after the collector": NOTED, "case": NOTED},
        requires=(*NEEDED, *more),
        variants=SOCK,
        seconds=_SECONDS,
        screening=name in _SCREENED,
        catches=catches,
    )


def _make_cancelled(
    name: str, attribute: str, calls: tuple[str, ...], *more: Capability, question: str, catches: tuple[str, ...]
) -> Scenario:
    async def ask(runtime: Runtime, trial: Trial) -> str:
        return await _cancel_each(runtime, trial, calls)

    return _make(ask, name, attribute, question, "A call that is cancelled leaves no descriptor.", more, catches)


cancelled_call = _make_cancelled(
    "cancelled-call",
    "cancelled_call",
    ("connect", "connect to a silent address", "accept", "send"),
    Capability.ABORT,
    question="A connect, an accept, a send is cancelled 0 to 8 turns after its start, often: are descriptors left?",
    catches=("cancelled-connect-keeps-an-fd", "cancelled-accept-keeps-an-fd", "cancelled-send-keeps-an-fd"),
)
cancelled_unix_call = _make_cancelled(
    "cancelled-unix-call",
    "cancelled_unix_call",
    ("connect to a Unix socket", "accept on a Unix socket"),
    Capability.UNIX,
    question="A connect or an accept on a Unix socket is cancelled 0 to 8 turns after its start: are descriptors left?",
    catches=("cancelled-unix-connect-keeps-an-fd", "cancelled-accept-keeps-an-fd"),
)
cancelled_connect_by_name = _make_cancelled(
    "cancelled-connect-by-name",
    "cancelled_connect_by_name",
    ("connect by name",),
    Capability.NAMES,
    Capability.PLANTED_NAMES,
    question="A connect by name is cancelled 0 to 8 turns after its start, a hundred times: are descriptors left?",
    catches=("cancelled-connect-by-name-keeps-an-fd",),
)

# --- failed ---

_FAILURES = 100


async def _fail(runtime: Runtime, call: Call) -> bool:
    try:
        await call()
    except Exception as exc:
        if runtime.is_cancelled(exc):
            raise
        return True
    return False


async def _fail_many(runtime: Runtime, trial: Trial, calls: dict[str, Call]) -> str:
    """Let each call fail a hundred times."""
    for what, call in calls.items():
        if not await _fail(runtime, call):
            return SUCCEEDS
        await settle(runtime)
        with _no_collector():
            before = count_descriptors()
            for _ in range(_FAILURES):
                await _fail(runtime, call)
            left = await _count_left(runtime, trial, before)
        trial.step("process", f"{what}: {max(left, 0)} descriptors are left of {_FAILURES} calls")
        if left > _MOST_KEPT:
            trial.observe("case", what)
            return SOME_LEFT
    return NONE_LEFT


async def _fail_tcp(runtime: Runtime, trial: Trial) -> str:
    """A connect that is refused, and a listen on a port that is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host, port = taken.getsockname()
        refused = await _fail_many(runtime, trial, {"connect": lambda: runtime.connect(host, port)})
        if refused != NONE_LEFT:
            return refused
        taken.listen()
        return await _fail_many(runtime, trial, {"listen": lambda: runtime.listen(host, port)})


async def _fail_unix(runtime: Runtime, trial: Trial) -> str:
    """A connect to no server, and listens at a path that is too long and at that of another file."""
    with folder() as place:
        (place / "text").write_text("text")
        path, too_long, text = str(place / "s"), str(place / ("x" * 200)), str(place / "text")
        unix = unix_of(runtime)
        return await _fail_many(
            runtime,
            trial,
            {
                "connect": lambda: unix.connect_unix(path),
                "connect to a path that is too long": lambda: unix.connect_unix(too_long),
                "listen at a path that is too long": lambda: unix.listen_unix(too_long),
                "listen at a path with another file": lambda: unix.listen_unix(text),
            },
        )


async def _fail_by_name(runtime: Runtime, trial: Trial) -> str:
    """A connect to a name that does not exist, and one to a host of which three addresses refuse."""
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    if not has_addresses(addresses):
        raise PrerequisiteError(NO_ADDRESSES)
    with bind_port(addresses) as reserved, PlantedNames({"several.test": addresses}) as plants:
        port = reserved[0].getsockname()[1]
        if not await plants.are_asked(runtime):
            raise PrerequisiteError(NOT_ASKED)
        names = names_of(runtime)
        return await _fail_many(
            runtime,
            trial,
            {
                "connect to an unknown name": lambda: names.connect_by_name("unknown.test", port),
                "connect to three addresses": lambda: names.connect_by_name("several.test", port),
            },
        )


def _make_failed(
    ask: Callable[[Runtime, Trial], Awaitable[str]],
    name: str,
    attribute: str,
    question: str,
    *more: Capability,
    catches: tuple[str, ...],
) -> Scenario:
    return _make(ask, name, attribute, question, "A call that fails leaves no descriptor.", more, catches)


failed_call = _make_failed(
    _fail_tcp,
    "failed-call",
    "failed_call",
    "A connect is refused, and a port is taken, a hundred times each: are descriptors left?",
    catches=("refused-connect-keeps-an-fd", "failed-listen-keeps-an-fd"),
)
failed_unix_call = _make_failed(
    _fail_unix,
    "failed-unix-call",
    "failed_unix_call",
    "Connects and listens fail at paths of Unix sockets, a hundred times each: are descriptors left?",
    Capability.UNIX,
    catches=("failed-unix-listen-keeps-an-fd",),
)
failed_connect_by_name = _make_failed(
    _fail_by_name,
    "failed-connect-by-name",
    "failed_connect_by_name",
    "A name does not exist, or its three addresses refuse, a hundred times each: are descriptors left?",
    Capability.NAMES,
    Capability.PLANTED_NAMES,
    catches=("one-address-keeps-an-fd",),
)

SCENARIOS: tuple[Scenario, ...] = (
    cancelled_call,
    cancelled_unix_call,
    cancelled_connect_by_name,
    failed_call,
    failed_unix_call,
    failed_connect_by_name,
)
