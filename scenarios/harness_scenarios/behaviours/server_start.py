"""How a server begins, and begins again: connections before it serves, the address of its predecessor, a signal."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from contextlib import suppress

from harness.api import (
    ByteStream,
    Capability,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    Server,
    allowed,
    bridge_of,
    forbidden,
    grid,
    interesting,
    servers_of,
)

from ..parts.sandbox import PATIENCE_SECONDS, wait_until
from .question import NOTED, Trial, make_question
from .raw_peer import END_OF_STREAM, RESET, SOCKET_STAYS_OPEN, STAYS_TAKEN, RawPeer
from .server_handler import NEEDS, PlannedHandlerError, reply
from .server_stand import REACHABLE, REFUSED, STOP_SECONDS, Stand

_MODULE = "harness_scenarios.behaviours.server_start"
_MESSAGE = b"hello"
_START_SERVING = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_server"
_REUSE = "https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.allow_reuse_address"
_LISTEN = "https://man7.org/linux/man-pages/man2/listen.2.html"

# --- bound, and not serving ---

SERVED_LATER = "clients connect, and are served once the server serves"
SERVED_EARLY = "clients are served before the server serves"
NOT_SERVED = "clients connect, and are not served"
NONE_CONNECTS = "no client can connect"
_MORE = 6


def _try_to_connect(address: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    code = sock.connect_ex(address)
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        raise OSError(code, os.strerror(code))
    return sock


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


async def _connect_early(runtime: Runtime, trial: Trial) -> str:
    backlog = (1, 8)[trial.number % 2]
    async with Stand(runtime, trial, reply, backlog=backlog, serves=False) as stand:
        clients = [_try_to_connect(stand.address) for _ in range(backlog + _MORE)]
        try:
            await runtime.sleep(0.05)
            connected = [client for client in clients if _is_connected(client)]
            trial.step("clients", f"{len(connected)} of {len(clients)} connect with a backlog of {backlog}")
            trial.observe("connected beyond the backlog", len(connected) - backlog)
            if not connected:
                return NONE_CONNECTS
            peer = RawPeer(connected[0])
            peer.send(_MESSAGE)
            if (await peer.receive(runtime, len(_MESSAGE))).head == _MESSAGE:
                return SERVED_EARLY
            stand.order(stand.serve)
            return SERVED_LATER if (await peer.receive(runtime, len(_MESSAGE))).head == _MESSAGE else NOT_SERVED
        finally:
            for client in clients:
                client.close()


early_clients = make_question(
    _connect_early,
    name="server.clients-before-it-serves",
    question="A server is bound and does not serve yet: how many clients connect, and are they served later?",
    contract=("A client that has connected is served once the server serves.",),
    ref=f"{_MODULE}:early_clients",
    answers=REACHABLE
    | {
        SERVED_LATER: allowed("as many as the backlog allows, and one more; the others wait in the network", _LISTEN),
        SERVED_EARLY: interesting(
            "start_server serves before serve_forever, whether the program is ready or not", _START_SERVING
        ),
        NOT_SERVED: forbidden("a client that has connected is served"),
        NONE_CONNECTS: forbidden("a server that is bound listens"),
    },
    repetitions=2,
    judges={"connected beyond the backlog": NOTED},
    catches=("first-client-forgotten",),
    screening=False,
    requires=NEEDS,
    seconds=30.0,
)

# --- again on the same address ---

STARTS = "the server starts again, and serves"
IN_USE = "the address is in use"
NOT_REACHED = "the server starts again, and no client reaches it"
_NO_CLIENT, _CLIENT_FIRST, _SERVER_FIRST, _ALIVE = (
    "no client",
    "a client that closed first",
    "a client that the server closed first",
    "a client that is still connected",
)


async def _serve_once(runtime: Runtime, trial: Trial, before: str) -> tuple[int, RawPeer | None]:
    """Serve on some port, let things happen there, and close; return the port, and a client that is still there."""
    hold = threading.Event()

    async def handle(inner: Runtime, stream: ByteStream) -> None:
        await reply(inner, stream)
        if before == _CLIENT_FIRST:
            with suppress(Exception):
                await stream.receive_some(1)
        while before == _ALIVE and not hold.is_set():
            await inner.sleep(0.005)
        await stream.aclose()

    async with Stand(runtime, trial, handle) as stand:
        peer = None
        if before != _NO_CLIENT:
            peer = stand.connect()
            peer.send(_MESSAGE)
            await peer.receive(runtime, len(_MESSAGE))
            if before == _CLIENT_FIRST:
                peer.close()
            elif before == _SERVER_FIRST:
                await peer.receive(runtime, 1)
                peer.close()
            await runtime.sleep(0.02)
        await stand.do(_close)
        hold.set()
        return stand.address[1], peer if before == _ALIVE else None


async def _close(_: Runtime, server: Server) -> None:
    await server.close()


async def _restart(runtime: Runtime, trial: Trial) -> str:
    port, peer = await _serve_once(runtime, trial, trial.parameters["before"])
    try:
        async with Stand(runtime, trial, reply, port=port) as stand:
            return STARTS if (await stand.ask(_MESSAGE)).head == _MESSAGE else NOT_REACHED
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise
        trial.step("second server", f"fails: {exc}")
        return IN_USE
    finally:
        if peer is not None:
            peer.reset()


_BEFORE = Parameter(
    name="before",
    default=_SERVER_FIRST,
    summary="state of the first server",
    choices=(_SERVER_FIRST, _CLIENT_FIRST, _NO_CLIENT, _ALIVE),
)

restart = make_question(
    _restart,
    name="server.restart-on-same-address",
    question="A server is closed, and another one is started on its address: does that start?",
    contract=("A server that starts can be reached.",),
    ref=f"{_MODULE}:restart",
    answers=REACHABLE
    | {
        STARTS: allowed("SO_REUSEADDR is set, as is usual for servers"),
        IN_USE: interesting(
            "socketserver does not set SO_REUSEADDR: for a minute after a connection that the server has closed, "
            "it does not start again",
            _REUSE,
            symptom=STAYS_TAKEN,
            follows_from=SOCKET_STAYS_OPEN,
        ),
        NOT_REACHED: forbidden("a server that starts can be reached"),
    },
    repetitions=1,
    parameters=(_BEFORE,),
    rows={"quick": grid(before=(_SERVER_FIRST, _NO_CLIENT)), "thorough": grid(before=_BEFORE.choices)},
    catches=("restarted-server-is-not-reached",),
    requires=NEEDS,
    seconds=30.0,
)

# --- clients that wait as it is closed ---

CUT = "the clients that wait are cut off"
SERVED = "the clients that wait are served"
LEFT = "the clients that wait are neither served nor cut off"
SOME = "some of the clients are served, others are not"
_WAITING = 4


async def _close_before_serving(runtime: Runtime, trial: Trial) -> str:
    async with Stand(runtime, trial, reply, backlog=2 * _WAITING, serves=False) as stand:
        peers = [await stand.dial() for _ in range(_WAITING)]
        for peer in peers:
            peer.send(_MESSAGE)
        await runtime.sleep(0.02)
        await stand.do(_close)
        seen = []
        for peer in peers:
            received = await peer.receive(runtime, len(_MESSAGE))
            seen.append(
                SERVED if received.head == _MESSAGE else CUT if received.end in (RESET, END_OF_STREAM) else LEFT
            )
        trial.step("clients", ", ".join(sorted(set(seen))))
        return seen[0] if len(set(seen)) == 1 else SOME


waiting_clients = make_question(
    _close_before_serving,
    name="server.close-with-waiting-clients",
    question="A server is closed before it serves, and clients have connected: what becomes of them?",
    contract=("A client that is not served gets an error.",),
    ref=f"{_MODULE}:waiting_clients",
    answers=REACHABLE
    | {
        CUT: allowed("the system resets connections that were not accepted", _LISTEN),
        SERVED: interesting("start_server has accepted them before serve_forever", _START_SERVING),
        LEFT: forbidden("a client of a closed server waits for ever", harm=Harm.HANG),
        SOME: forbidden("clients that wait are treated alike"),
    },
    repetitions=2,
    catches=("close-leaves-waiting-clients",),
    requires=NEEDS,
    seconds=30.0,
)

# --- SIGTERM ---

ALL_ANSWERED = "every request in flight is answered, and new clients are refused"
SOME_LOST = "requests in flight are not answered"
STILL_OPEN = "every request in flight is answered, and new clients are accepted"
NO_STOP = "the server does not stop"
_REQUESTS = 20


class _Service:
    """A server that stops on SIGTERM as programs do: first it accepts no more connections, then it ends the rest."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._terminated = bridge_of(runtime).create_event()
        self.begun = 0
        self._ended = 0
        self._is_closed = False

    async def handle(self, stream: ByteStream) -> None:
        """Answer, but not at once."""
        message = await stream.receive_some(len(_MESSAGE))
        self.begun += 1
        try:
            await self._runtime.sleep(0.1)
            await stream.send_all(message)
            await stream.aclose()
        finally:
            self._ended += 1

    async def serve_until_terminated(self, server: Server) -> None:
        """Serve; on SIGTERM close, and wait for the requests in flight."""
        async with self._runtime.open_task_group() as group:
            await group.spawn(self._serve, server)
            await self._terminated.wait()
            self._is_closed = True
            await server.close()
            await wait_until(self._runtime, lambda: self._ended == self.begun, STOP_SECONDS)
            self._is_closed = False
            await group.cancel()

    def terminate(self, _number: int, _frame: object) -> None:
        """Handle the signal."""
        self._terminated.set()

    async def _serve(self, server: Server) -> None:
        async with self._runtime.open_cancel_scope():
            try:
                await server.serve_forever()
            except BaseException as exc:  # asyncio ends it with a cancellation, which gather would pass on
                if not (self._is_closed and self._runtime.is_cancelled(exc)):
                    raise


async def _terminate(runtime: Runtime, trial: Trial) -> str:
    service = _Service(runtime)
    before = signal.signal(signal.SIGTERM, service.terminate)
    try:
        return await _stop_by_signal(runtime, trial, service)
    finally:
        signal.signal(signal.SIGTERM, before)


async def _stop_by_signal(runtime: Runtime, trial: Trial, service: _Service) -> str:
    server = await servers_of(runtime).start_server(service.handle, backlog=4 * _REQUESTS)
    peers: list[RawPeer] = []
    stopped = runtime.create_event()

    async def serve() -> None:
        await service.serve_until_terminated(server)
        await stopped.set()

    async with runtime.open_task_group() as group:
        await group.spawn(serve)
        for _ in range(_REQUESTS):
            peers.append(RawPeer(socket.create_connection(server.address)))
            peers[-1].send(_MESSAGE)
        await wait_until(runtime, lambda: service.begun == _REQUESTS, STOP_SECONDS)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        answer = await _collect(runtime, trial, peers)
        async with runtime.move_on_after(STOP_SECONDS + PATIENCE_SECONDS):
            await stopped.wait()
        is_stopped = stopped.is_set()
        await group.cancel()
    if not is_stopped:
        return NO_STOP
    if answer != ALL_ANSWERED:
        return answer
    try:
        RawPeer(socket.create_connection(server.address)).close()
    except OSError:
        return ALL_ANSWERED
    return STILL_OPEN


async def _collect(runtime: Runtime, trial: Trial, peers: list[RawPeer]) -> str:
    answered = 0
    for peer in peers:
        answered += (await peer.receive(runtime, len(_MESSAGE))).head == _MESSAGE
        peer.reset()
    trial.observe("answered", answered)
    return ALL_ANSWERED if answered == len(peers) else SOME_LOST


terminated = make_question(
    _terminate,
    name="server.sigterm-answers-all",
    question="SIGTERM stops a server with 20 requests in flight: are all of them answered?",
    contract=("New clients are refused.",),
    ref=f"{_MODULE}:terminated",
    answers=REACHABLE
    | {
        ALL_ANSWERED: allowed("closing stops the server from accepting, and handlers go on"),
        SOME_LOST: interesting("closing the server cancels its handlers: a graceful stop is the program's own work"),
        STILL_OPEN: forbidden("a closed server accepts no more"),
        NO_STOP: forbidden("a signal handler wakes the scheduler, and the server stops"),
    },
    repetitions=1,
    judges={"answered": NOTED},
    catches=("server-cannot-be-closed",),
    screening=False,
    requires=(*NEEDS, Capability.DEADLINE),
    seconds=30.0,
)

# --- descriptors ---

NONE_LEFT = "no descriptor is left"
SOME_LEFT = "descriptors are left"
_CONNECTIONS = 30


async def _count_descriptors(runtime: Runtime, trial: Trial) -> str:
    numbers = iter(range(_CONNECTIONS))

    async def handle(inner: Runtime, stream: ByteStream) -> None:
        number = next(numbers)
        await reply(inner, stream)
        await (stream.abort() if number % 3 == 2 else stream.aclose())
        if number % 3 == 1:
            raise PlannedHandlerError

    before = _count_open()
    async with Stand(runtime, trial, handle, backlog=100) as stand:
        for _ in range(_CONNECTIONS):
            if (await stand.ask(_MESSAGE)).end == REFUSED:
                break  # a server that ends with the error of a handler leaves nothing either
            stand.hang_up()
        await wait_until(runtime, lambda: _count_open() <= before + _CONNECTIONS // 4, PATIENCE_SECONDS)
        left = _count_open() - before
    trial.observe("descriptors while it serves", left)
    return NONE_LEFT if left <= _CONNECTIONS // 4 else SOME_LEFT


def _count_open() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names, not paths


descriptors = make_question(
    _count_descriptors,
    name="server.leaves-no-descriptors",
    question="30 clients come and go, and handlers close, fail or reset: does the server keep descriptors?",
    contract=("The descriptor of a connection that both sides have left is closed.",),
    ref=f"{_MODULE}:descriptors",
    answers=REACHABLE
    | {
        NONE_LEFT: allowed("a connection that the client has left is closed"),
        SOME_LEFT: forbidden("a server that keeps descriptors runs out of them", harm=Harm.LEAK),
    },
    repetitions=1,
    judges={"descriptors while it serves": NOTED},
    catches=("close-keeps-descriptors",),
    requires=(*NEEDS, Capability.ABORT),
    seconds=30.0,
    side_by_side=False,
)

SCENARIOS: tuple[Scenario, ...] = (early_clients, restart, waiting_clients, terminated, descriptors)
