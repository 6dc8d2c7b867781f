"""How a server ends: what `serve_forever` does, and what becomes of live connections."""

from __future__ import annotations

import threading

from harness.api import ByteStream, Harm, Parameter, Runtime, Scenario, Server, allowed, forbidden, grid, interesting

from ..parts.sandbox import PATIENCE_SECONDS, wait_until
from .question import NOTED, Trial, make_question
from .raw_peer import END_OF_STREAM
from .server_handler import NEEDS, reply
from .server_stand import REACHABLE, STOP_SECONDS, Stand

_MODULE = "harness_scenarios.behaviours.server_close"
_SERVER = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.Server"
_UVLOOP_602 = "https://github.com/MagicStack/uvloop/issues/602"
_WAIT_CLOSED = "https://github.com/python/cpython/issues/79033"
_HANDLER_NURSERY = "https://trio.readthedocs.io/en/stable/reference-io.html#trio.serve_listeners"
_MESSAGE = b"hello"


async def _close(_: Runtime, server: Server) -> None:
    await server.close()


# --- serve_forever ---

RETURNS = "serve_forever returns"
CANCELLED = "serve_forever raises a cancellation that nothing has asked for"
NEVER = "serve_forever does not end"


async def _close_idle(runtime: Runtime, trial: Trial) -> str:
    async with Stand(runtime, trial, reply) as stand:
        await stand.ask(_MESSAGE)
        stand.cut()
        await stand.do(_close)
        await wait_until(runtime, lambda: bool(stand.serving), PATIENCE_SECONDS)
        return {"": NEVER, "returns": RETURNS}.get(stand.serving, CANCELLED)


close_ends_serving = make_question(
    _close_idle,
    name="server.close-ends-serve-forever",
    question="A server without clients is closed: does `serve_forever` end?",
    contract=("A server that is closed serves no more.",),
    ref=f"{_MODULE}:close_ends_serving",
    answers=REACHABLE
    | {
        RETURNS: allowed("the server has ended, as it was told to", _HANDLER_NURSERY),
        CANCELLED: interesting(
            "asyncio's way to say that the server was closed: code that waits for it cannot tell it from its own end",
            _SERVER,
        ),
        NEVER: forbidden("a program that waits for the end of its server does not end", _UVLOOP_602, harm=Harm.HANG),
    },
    repetitions=2,
    catches=("close-does-not-end-serving",),
    requires=NEEDS,
    seconds=30.0,
)

# --- live connections ---


class _Gate:
    """A handler that replies when it is let go."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self.waiting: list[int] = []
        self.ended: list[int] = []

    def let_go(self) -> None:
        """Let every handler reply."""
        self._go.set()

    async def handle(self, runtime: Runtime, stream: ByteStream) -> None:
        """Receive a message, wait, and reply."""
        message = await stream.receive_some(len(_MESSAGE))
        self.waiting.append(1)
        try:
            while not self._go.is_set():
                await runtime.sleep(0.002)
            await stream.send_all(message)
        finally:
            self.ended.append(1)
            await stream.aclose()

    async def handle_and_leave_open(self, runtime: Runtime, stream: ByteStream) -> None:
        """Reply, and return without closing."""
        self.waiting.append(1)
        await reply(runtime, stream)
        self.ended.append(1)


DRAINS = "the live connections are served to their end"
CUTS = "the live connections are cut off"
SOME_CUT = "some of the live connections are cut off"
_CROWDS = (1, 2, 20)


async def _close_with_clients(runtime: Runtime, trial: Trial) -> str:
    count, gate = _CROWDS[trial.number % len(_CROWDS)], _Gate()
    async with Stand(runtime, trial, gate.handle, backlog=100) as stand:
        peers = [await stand.dial() for _ in range(count)]
        for peer in peers:
            peer.send(_MESSAGE)
        await wait_until(runtime, lambda: len(gate.waiting) == count, STOP_SECONDS)
        await stand.do(_close)
        gate.let_go()
        served = 0
        for peer in peers:
            served += (await peer.receive(runtime, len(_MESSAGE))).head == _MESSAGE
        trial.step("clients", f"{served} of {count} are served")
        return DRAINS if served == count else SOME_CUT if served else CUTS


close_with_clients = make_question(
    _close_with_clients,
    name="server.close-with-live-connections",
    question="A server is closed while 1, 2 or 20 clients wait for their replies: do they get them?",
    contract=("Either every live connection is served to its end, or none is.",),
    ref=f"{_MODULE}:close_with_clients",
    answers=REACHABLE
    | {
        DRAINS: allowed("closing stops the server from accepting", _SERVER),
        CUTS: interesting("the handlers belong to the task that is cancelled"),
        SOME_CUT: forbidden("live connections are treated alike"),
    },
    repetitions=3,
    catches=("close-cuts-one-connection",),
    requires=NEEDS,
    seconds=30.0,
    screening=False,
)

# --- wait_closed ---

WAITS = "wait_closed waits for the live connection"
AT_ONCE = "wait_closed returns while the connection lives"
ENDS_ALL = "the connection has ended with the server"
NEVER_CLOSED = "wait_closed never returns, although no handler runs"
_OPEN, _CLOSED = "returns without closing", "closes the connection"


async def _wait_closed(runtime: Runtime, trial: Trial) -> str:
    gate, closed = _Gate(), threading.Event()
    leaves_open = trial.parameters["handler"] == _OPEN

    async def wait(_: Runtime, server: Server) -> None:
        await server.close()
        await server.wait_closed()
        closed.set()

    async with Stand(runtime, trial, gate.handle_and_leave_open if leaves_open else gate.handle) as stand:
        peer = await stand.dial()
        peer.send(_MESSAGE)
        is_done = gate.ended if leaves_open else gate.waiting
        await wait_until(runtime, lambda: bool(is_done), STOP_SECONDS)
        stand.order(wait)
        returned_early = await wait_until(runtime, closed.is_set, PATIENCE_SECONDS)
        ended_early = bool(gate.ended)
        gate.let_go()
        returned = await wait_until(runtime, closed.is_set, STOP_SECONDS)
        trial.step("server", f"wait_closed returned: {returned}, while the handler ran: {not ended_early}")
        peer.reset()
        await wait_until(runtime, closed.is_set, STOP_SECONDS / 2)
    if not returned:
        return NEVER_CLOSED
    if ended_early:
        return ENDS_ALL
    return AT_ONCE if returned_early else WAITS


wait_closed = make_question(
    _wait_closed,
    name="server.wait-closed",
    question="A server with a live connection is closed and waited for: when does `wait_closed` return?",
    contract=("It returns once no handler runs.",),
    ref=f"{_MODULE}:wait_closed",
    answers=REACHABLE
    | {
        WAITS: allowed("the server has ended when its handlers have", _WAIT_CLOSED),
        ENDS_ALL: allowed("no handler runs: it was cancelled, or had ended"),
        AT_ONCE: interesting("before Python 3.12 wait_closed of asyncio waits for nothing", _WAIT_CLOSED),
        NEVER_CLOSED: forbidden(
            "it waits for a connection that no handler serves: the client decides", _WAIT_CLOSED, harm=Harm.HANG
        ),
    },
    repetitions=1,
    parameters=(Parameter(name="handler", default=_CLOSED, summary="how the handler ends", choices=(_CLOSED, _OPEN)),),
    rows={"quick": grid(handler=(_CLOSED, _OPEN))},
    catches=("wait-closed-never-returns",),
    requires=NEEDS,
    seconds=30.0,
)

# --- the task that serves is cancelled ---

STOPS = "serve_forever ends, and the connection is cut off"
STOPS_AND_DRAINS = "serve_forever ends, and the connection is served to its end"
STOPS_LATE = "serve_forever ends when the connection does"
STILL_LISTENS = "serve_forever ends, and the server still accepts"
SERVES_ON = "serve_forever does not end"


async def _cancel_serving(runtime: Runtime, trial: Trial) -> str:
    gate = _Gate()

    async def cancel(_: Runtime, __: Server) -> None:
        assert stand.scope is not None
        await stand.scope.cancel()

    async with Stand(runtime, trial, gate.handle) as stand:
        peer = await stand.dial()
        peer.send(_MESSAGE)
        await wait_until(runtime, lambda: bool(gate.waiting), STOP_SECONDS)
        await stand.do(cancel)
        ended = await wait_until(runtime, lambda: bool(stand.serving), STOP_SECONDS)
        gate.let_go()
        received = await peer.receive(runtime, len(_MESSAGE))
        trial.step("client", f"receives {received.head!r}")
        if not ended:
            peer.reset()
            return STOPS_LATE if await wait_until(runtime, lambda: bool(stand.serving), STOP_SECONDS) else SERVES_ON
        try:
            await stand.dial()
        except OSError:
            return STOPS_AND_DRAINS if received.head == _MESSAGE else STOPS
        return STILL_LISTENS


cancelled_serving = make_question(
    _cancel_serving,
    name="server.cancel-serve-forever",
    question="The task in `serve_forever` is cancelled while a client waits for its reply: does it end?",
    contract=("A cancelled call ends, and the server accepts no more.",),
    ref=f"{_MODULE}:cancelled_serving",
    answers=REACHABLE
    | {
        STOPS: allowed("the handlers are cancelled with the server", _HANDLER_NURSERY),
        STOPS_AND_DRAINS: allowed("the handlers are tasks of their own", _SERVER),
        STOPS_LATE: interesting(
            "the cancelled call waits for every client to go away: a stop has no deadline",
            "https://github.com/python/cpython/issues/123720",
        ),
        STILL_LISTENS: forbidden("a server that nothing serves accepts connections"),
        SERVES_ON: forbidden("a cancelled call ends", harm=Harm.HANG),
    },
    repetitions=1,
    catches=("cancelled-serving-goes-on", "server-cannot-be-closed"),
    requires=NEEDS,
    seconds=30.0,
)

# --- closed by a handler ---

CLOSES = "the server is closed, and the handler goes on"
CUTS_ITSELF = "the server is closed, and the handler is cancelled"
STUCK = "the handler does not come back from the call"


async def _close_in_a_handler(runtime: Runtime, trial: Trial) -> str:
    servers: list[Server] = []

    async def handle(_: Runtime, stream: ByteStream) -> None:
        message = await stream.receive_some(len(_MESSAGE))
        await servers[0].close()
        await stream.send_all(message)
        await stream.aclose()

    async def share(_: Runtime, server: Server) -> None:
        servers.append(server)

    async with Stand(runtime, trial, handle) as stand:
        await stand.do(share)
        peer = await stand.dial()
        peer.send(_MESSAGE)
        received = await peer.receive(runtime, len(_MESSAGE))
        if received.head != _MESSAGE and received.end != END_OF_STREAM:  # it may be slow to stop
            await wait_until(runtime, lambda: bool(stand.serving), STOP_SECONDS / 2)
            received = await peer.receive(runtime, len(_MESSAGE))
        trial.step("client", f"receives {received.head!r}, then: {received.end}")
        if received.head == _MESSAGE:
            return CLOSES
        return CUTS_ITSELF if received.end == END_OF_STREAM else STUCK


closed_by_handler = make_question(
    _close_in_a_handler,
    name="server.close-in-a-handler",
    question="A handler closes its own server, and then replies: does the reply arrive?",
    contract=("A handler may close its server.",),
    ref=f"{_MODULE}:closed_by_handler",
    answers=REACHABLE
    | {
        CLOSES: allowed("closing stops the server from accepting", _SERVER),
        CUTS_ITSELF: interesting("the handler belongs to the task that it cancels"),
        STUCK: forbidden("the handler waits for itself"),
    },
    repetitions=2,
    catches=("close-waits-for-handlers",),
    requires=NEEDS,
    seconds=30.0,
)

# --- a graceful stop ---

COMPLETE = "the reply in flight arrives complete"
TRUNCATED = "the reply in flight is cut off"
DOES_NOT_STOP = "the server does not stop, although there are no clients"
_REPLY_BYTES = 32_000_000


async def _stop_gracefully(runtime: Runtime, trial: Trial) -> str:
    begun, stopped = threading.Event(), threading.Event()

    async def handle(_: Runtime, stream: ByteStream) -> None:
        await stream.receive_some(len(_MESSAGE))
        begun.set()
        await stream.send_all(bytes(_REPLY_BYTES))  # more than the buffers of the system hold
        await stream.aclose()

    async def stop(_: Runtime, server: Server) -> None:
        await server.close()
        await server.wait_closed()
        stopped.set()

    async with Stand(runtime, trial, handle) as stand:
        peer = await stand.dial()
        peer.send(_MESSAGE)
        await wait_until(runtime, begun.is_set, STOP_SECONDS)
        await runtime.sleep(0.05)
        stand.order(stop)
        if await wait_until(runtime, stopped.is_set, PATIENCE_SECONDS):
            stand.end()  # and with it the program
            await stand.sandbox.until_ended(PATIENCE_SECONDS)
        received = await peer.receive(runtime, _REPLY_BYTES)
        trial.observe("bytes received", received.count)
        peer.reset()
        if not await wait_until(runtime, lambda: stopped.is_set() or stand.ended, STOP_SECONDS):
            return DOES_NOT_STOP
        return COMPLETE if received.count == _REPLY_BYTES else TRUNCATED


graceful_stop = make_question(
    _stop_gracefully,
    name="server.graceful-stop-keeps-reply",
    question="A program closes its server, waits until it is closed, and ends: does the reply in flight arrive?",
    contract=("What arrives of a reply is its beginning.",),
    ref=f"{_MODULE}:graceful_stop",
    answers=REACHABLE
    | {
        COMPLETE: allowed("the server is closed when its handlers have ended", _WAIT_CLOSED),
        TRUNCATED: interesting(
            "the wait does not wait for the handlers, or closing cancels them: a stop that looks graceful cuts off",
            _WAIT_CLOSED,
        ),
        DOES_NOT_STOP: forbidden("a server that is closed and has no clients has ended"),
    },
    repetitions=1,
    judges={"bytes received": NOTED},
    catches=("wait-closed-never-returns",),
    screening=False,
    requires=NEEDS,
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (
    close_ends_serving,
    close_with_clients,
    wait_closed,
    cancelled_serving,
    closed_by_handler,
    graceful_stop,
)
