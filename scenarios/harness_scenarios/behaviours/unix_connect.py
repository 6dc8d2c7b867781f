"""Connections over Unix sockets: a full backlog, a path that is cut, a server whose file goes, a close meanwhile."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, ExitStack, suppress

from harness.api import RAISED, ByteStream, Harm, Runtime, Scenario, allowed, forbidden, interesting, unix_of

from ..parts.unix_paths import LONGEST, dial_raw, folder, path_of, remove, serve_raw
from .question import NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import RawPeer
from .stream_attempt import RETURNS, Attempt, attempt, describe_raised, settle, wait_patiently
from .unix_path import NEEDS, SOCK

_MODULE = "harness_scenarios.behaviours.unix_connect"
_CONNECT = "https://man7.org/linux/man-pages/man2/connect.2.html"
_READ_BYTES = 65536

# --- beyond the backlog ---

ALL_SERVED = "every client is connected, and served"
SOME_TOLD = "clients beyond the backlog get an error, the others are served"
NOT_CONNECTED = "a connect returns, and its stream is not connected"
NOT_SERVED = "a client is connected, and not served"
_CLIENTS = 8
_TURNS = 1500
_SECONDS = 30.0
"""Limit of a trial that gives as many turns, which a busy machine stretches."""


class _Crowd:
    """Clients that connect at once to a server with room for two, each sends its number and awaits it back."""

    def __init__(self, runtime: Runtime, trial: Trial, path: str) -> None:
        self._runtime = runtime
        self._trial = trial
        self._path = path
        self.answers: list[str] = []
        self.connected = 0
        """Streams that were returned."""

    async def come(self, number: int) -> None:
        """Connect and exchange."""
        try:
            stream = await unix_of(self._runtime).connect_unix(self._path)
        except OSError as exc:
            self._trial.observe(RAISED, describe_raised(exc))
            self.answers.append(SOME_TOLD)
            return
        self.connected += 1
        self.answers.append(await self._exchange(stream, b"%d" % number))
        await stream.abort()

    async def _exchange(self, stream: ByteStream, message: bytes) -> str:
        try:
            await stream.send_all(message)
            reply = await stream.receive_some(_READ_BYTES)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self._trial.observe(RAISED, describe_raised(exc))
            return NOT_SERVED
        return ALL_SERVED if reply == message else NOT_SERVED


async def _serve(runtime: Runtime, server: socket.socket, crowd: _Crowd) -> int:
    """Accept and answer until every client has an answer; return how many clients have come."""
    peers: list[RawPeer] = []

    def look() -> bool:
        with suppress(BlockingIOError):
            while True:
                peers.append(RawPeer(server.accept()[0]))
        for peer in peers:
            with suppress(OSError):
                if data := peer.receive_nowait():
                    peer.send(data)
        return len(crowd.answers) == _CLIENTS

    await wait_patiently(runtime, look, turns=_TURNS)
    for peer in peers:
        peer.close()
    return len(peers)


async def _connect_many(runtime: Runtime, trial: Trial) -> str:
    """Eight clients connect to a server with a backlog of 1 that accepts a little later."""
    with folder() as place, serve_raw(str(place / "s"), 1) as server:
        crowd = _Crowd(runtime, trial, str(place / "s"))
        async with runtime.open_task_group() as group:
            for number in range(_CLIENTS):
                await group.spawn(crowd.come, number)
            await settle(runtime)
            accepted = await _serve(runtime, server, crowd)
            if len(crowd.answers) < _CLIENTS:
                trial.look()
            await group.cancel()
    trial.step("clients", f"{crowd.connected} have a stream, {accepted} have come to the server")
    if accepted < crowd.connected:
        return NOT_CONNECTED
    if NOT_SERVED in crowd.answers:
        return NOT_SERVED
    if len(crowd.answers) < _CLIENTS:
        return NEVER_ENDS
    return SOME_TOLD if SOME_TOLD in crowd.answers else ALL_SERVED


beyond_backlog = make_question(
    _connect_many,
    name="unix.connect-beyond-backlog",
    question="Eight clients connect to a Unix socket with a backlog of 1: is each of them served, or gets an error?",
    contract=("A stream that is returned is connected.", "A client that is connected is served."),
    ref=f"{_MODULE}:beyond_backlog",
    answers={
        ALL_SERVED: allowed("a connect waits until there is a place", _CONNECT),
        SOME_TOLD: interesting("EAGAIN: the program has to try again", _CONNECT, harm=Harm.ERROR),
        NOT_CONNECTED: forbidden(
            "connect(2) fails with EAGAIN on such a socket, is not in progress, and is not repeated: the first use of "
            "the stream raises ENOTCONN, or a read sees the end",
            _CONNECT,
            harm=Harm.DATA,
        ),
        NOT_SERVED: forbidden("a client that has connected is served", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a client waits for ever"),
    },
    repetitions=1,
    requires=NEEDS,
    variants=SOCK,
    seconds=_SECONDS,
    catches=("unix-connect-beyond-backlog-is-no-connection", "unix-connect-beyond-backlog-waits-for-ever"),
)

# --- a path that is too long ---

RAISES = "it raises"
ANOTHER_SERVER = "it connects to another server, whose path is a part of that path"


async def _connect_to_longer_path(runtime: Runtime, trial: Trial) -> str:
    """Servers are at the first 107 and 108 bytes of a path that is too long."""
    with folder() as place, ExitStack() as servers:
        for number, length in enumerate((LONGEST, LONGEST + 1)):
            servers.enter_context(serve_raw(str(place / f"{number}")))
            (place / f"{number}").rename(path_of(place, length))
        too_long = path_of(place, LONGEST + 20)
        connecting = await attempt(runtime, trial, "client", "connects", unix_of(runtime).connect_unix, too_long)
        if connecting.answer == RETURNS:
            await connecting.result.abort()
    if not connecting.ended:
        return NEVER_ENDS
    return ANOTHER_SERVER if connecting.answer == RETURNS else RAISES


longer_path = make_question(
    _connect_to_longer_path,
    name="unix.connect-to-longer-path",
    question="A client connects to a path that is too long, and servers are at its first 107 and 108 bytes?",
    contract=("A client connects to exactly the path, or gets an error.",),
    ref=f"{_MODULE}:longer_path",
    answers={
        RAISES: allowed("the length is checked"),
        ANOTHER_SERVER: forbidden("the path was cut, in silence", harm=Harm.DATA),
        NEVER_ENDS: forbidden("there is nothing to wait for"),
    },
    repetitions=1,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-connect-cuts-path",),
)

# --- the file goes ---

LIVES_ON = "connections live on, new clients get an error"
CUT = "a connection is cut"
WAITING_LOST = "a client that waits to be accepted is lost"
STILL_REACHED = "a new client is connected"
_MOVED, _HELLO = "moved", b"hello"


async def _remove_the_file(runtime: Runtime, trial: Trial) -> str:
    """One client is accepted, one waits to be; the file is removed, or moved to another path."""
    unix = unix_of(runtime)
    with folder() as place:
        path = place / "s"
        async with AsyncExitStack() as stack:
            listener = await unix.listen_unix(str(path))
            stack.push_async_callback(attempt, runtime, trial, "server", "closes", listener.aclose)
            first = await unix.connect_unix(str(path))
            stack.push_async_callback(first.aclose)
            accepted = await listener.accept()
            stack.push_async_callback(accepted.aclose)
            second = dial_raw(str(path))
            path.rename(place / _MOVED) if trial.number % 2 else path.unlink()
            new = await attempt(runtime, trial, "client", "connects", unix.connect_unix, str(path))
            await first.send_all(_HELLO)
            reading = await attempt(runtime, trial, "server", "reads", accepted.receive_some, _READ_BYTES)
            waiting = await _accept_waiting(runtime, trial, listener, second)
    if new.answer == RETURNS:
        await new.result.abort()
        return STILL_REACHED
    if reading.result != _HELLO:
        return CUT
    return LIVES_ON if waiting else WAITING_LOST


async def _accept_waiting(runtime: Runtime, trial: Trial, listener: object, client: socket.socket | None) -> bool:
    if client is None:
        return False
    with client:
        client.send(_HELLO)
        accepting = await attempt(runtime, trial, "server", "accepts", listener.accept)  # type: ignore[attr-defined]
        if accepting.answer != RETURNS:
            return False
        reading = await attempt(runtime, trial, "server", "reads", accepting.result.receive_some, _READ_BYTES)
        await accepting.result.abort()
        return bool(reading.result == _HELLO)


file_goes = make_question(
    _remove_the_file,
    name="unix.file-goes-under-server",
    question="The file of a live server is removed, or moved: what becomes of its clients?",
    contract=("Connections live on, and those that wait are accepted.", "A new client gets an error."),
    ref=f"{_MODULE}:file_goes",
    answers={
        LIVES_ON: allowed("the file is only the way to the socket"),
        CUT: forbidden("an accepted connection lives on", harm=Harm.DATA),
        WAITING_LOST: forbidden("a client that has connected is accepted", harm=Harm.DATA),
        STILL_REACHED: forbidden("there is no server at the path"),
        NEVER_ENDS: forbidden("there is nothing to wait for"),
    },
    repetitions=2,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-accept-stops-if-file-is-gone",),
)

# --- close while accept waits ---


async def _close_while_accepting(runtime: Runtime, trial: Trial) -> str:
    """A task waits in accept; another one closes the listener. Then a server starts at the path again."""
    with folder() as place:
        path = str(place / "s")
        listener = await unix_of(runtime).listen_unix(path)
        accepting, closing = Attempt(runtime, trial, "acceptor"), Attempt(runtime, trial, "closer")
        async with runtime.open_task_group() as group:
            await group.spawn(accepting.make, "accepts", listener.accept)
            await accepting.settled()
            await group.spawn(closing.make, "closes", listener.aclose)
            await wait_patiently(runtime, lambda: accepting.ended and closing.ended)
            await group.cancel()
        return await _answer_of_close(runtime, path, accepting, closing)


async def _answer_of_close(runtime: Runtime, path: str, accepting: Attempt, closing: Attempt) -> str:
    if accepting.answer == RETURNS:
        await accepting.result.abort()
    if not closing.ended:
        return "the close never ends"
    remove(path)
    listener = await unix_of(runtime).listen_unix(path)
    client = dial_raw(path)
    await listener.aclose()
    if client is None:
        return "a server that starts there again is not reached"
    client.close()
    return accepting.answer


close_wakes_accept = make_question(
    _close_while_accepting,
    name="unix.close-wakes-accept",
    question="A task waits for a client of a Unix socket, and another one closes the listener: what does it see?",
    contract=("Closing a listener ends whatever waits in it.",),
    ref=f"{_MODULE}:close_wakes_accept",
    answers={
        "raises closed": allowed("the acceptor sees that its own side has closed"),
        "raises broken": interesting("the acceptor sees a lost connection"),
        "raises other": interesting("the acceptor is woken, by an error that does not tell why"),
        RETURNS: forbidden("a connection that no client has made"),
        "the close never ends": forbidden("the close waits for the acceptor", harm=Harm.HANG),
        "a server that starts there again is not reached": forbidden("the old one has the address", harm=Harm.SERVER),
        NEVER_ENDS: forbidden("the acceptor sleeps on a closed descriptor for ever", "close(2)"),
    },
    repetitions=2,
    requires=NEEDS,
    variants=(*SOCK, "threads:close=shutdown"),
    catches=("unix-close-wakes-no-task",),
)

# --- bytes ---

ARRIVES = "all bytes arrive, and each end is seen"
BYTES_DIFFER = "other bytes arrive"
END_UNSEEN = "the end of a stream is not seen"
FAILS = "a send or a read fails"
_SIZES = (1, 4096, 65_537, 1_000_000)


async def _carry(runtime: Runtime, trial: Trial) -> str:
    """Both sides send at once, close their direction and read to the end; by size, on a connection each."""
    with folder() as place:
        async with AsyncExitStack() as stack:
            listener = await unix_of(runtime).listen_unix(str(place / "s"))
            stack.push_async_callback(listener.aclose)
            for size in _SIZES:
                client = await unix_of(runtime).connect_unix(str(place / "s"))
                stack.push_async_callback(client.abort)
                server = await listener.accept()
                stack.push_async_callback(server.abort)
                answer = await _exchange(runtime, trial, (client, server), size)
                trial.step("connection", f"{size} bytes each way: {answer}")
                if answer != ARRIVES:
                    trial.observe("size", size)
                    return answer
    return ARRIVES


async def _exchange(runtime: Runtime, trial: Trial, ends: tuple[ByteStream, ByteStream], size: int) -> str:
    messages = [bytes([65 + side, *range(200)]) * (size // 201 + 1) for side in (0, 1)]
    made = [Attempt(runtime, trial, f"{kind} {side}") for side in (0, 1) for kind in ("sender", "reader")]

    async def send(side: int) -> None:
        await ends[side].send_all(messages[side][:size])
        await ends[side].send_eof()

    async with runtime.open_task_group() as group:
        for side in (0, 1):
            await group.spawn(made[2 * side].make, "sends", send, side)
            await group.spawn(made[2 * side + 1].make, "reads", _read_to_end, ends[side])
        await wait_patiently(runtime, lambda: all(one.ended for one in made), turns=_TURNS)
        await group.cancel()
    if any(one.error is not None for one in made):
        return FAILS
    if not all(one.ended for one in made):
        return END_UNSEEN
    return ARRIVES if [made[3].result, made[1].result] == [m[:size] for m in messages] else BYTES_DIFFER


async def _read_to_end(stream: ByteStream) -> bytes:
    parts = []
    while part := await stream.receive_some(_READ_BYTES):
        parts.append(part)
    return b"".join(parts)


carries_bytes = make_question(
    _carry,
    name="unix.carries-bytes",
    question="Both ends of a Unix socket send 1 byte to 1 MB at once and half-close: does all of it arrive?",
    contract=("Bytes arrive in order, and the end is seen once the other side has half-closed.",),
    ref=f"{_MODULE}:carries_bytes",
    answers={
        ARRIVES: allowed("as over TCP"),
        BYTES_DIFFER: forbidden("bytes arrive in order, each once", harm=Harm.DATA),
        END_UNSEEN: forbidden("the end is seen", harm=Harm.HANG),
        FAILS: forbidden("nothing has failed", harm=Harm.ERROR),
        NEVER_ENDS: forbidden("both sides read"),
    },
    repetitions=1,
    judges={"size": NOTED},
    requires=NEEDS,
    variants=SOCK,
    screening=False,
    seconds=_SECONDS,
    catches=(
        "bytes-dropped",
        "half-close-kept",
    ),
)

SCENARIOS: tuple[Scenario, ...] = (beyond_backlog, longer_path, file_goes, close_wakes_accept, carries_bytes)
