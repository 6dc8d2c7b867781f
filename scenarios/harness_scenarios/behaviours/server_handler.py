"""What becomes of a connection, and of the server, whose handler returns, raises, exits or hangs."""

from __future__ import annotations

import gc
import sys
import threading

from harness.api import ByteStream, Capability, Graded, Runtime, Scenario, allowed, forbidden, interesting

from ..parts.sandbox import PATIENCE_SECONDS, wait_until
from .question import NOTED, Trial, make_question
from .raw_peer import END_OF_STREAM, RESET, STAYS_OPEN, RawPeer
from .server_stand import REACHABLE, Handler, Stand

NEEDS = (Capability.SERVER, Capability.BRIDGE, Capability.CANCEL_SCOPE, Capability.GROUP_CANCEL)
_MODULE = "harness_scenarios.behaviours.server_handler"
_START_SERVER = "https://docs.python.org/3/library/asyncio-stream.html#asyncio.start_server"
_SERVE_TCP = "https://trio.readthedocs.io/en/stable/reference-io.html#trio.serve_tcp"
_SOCKETSERVER = "https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.handle_error"
_MESSAGE = b"hello"
_CROWD = 20


class PlannedHandlerError(Exception):
    """Raised by handlers that fail on purpose."""


# --- it ends without closing ---

SEES_END = "the client sees the end of the stream"
SEES_RESET = "the connection is reset"
STAYS = "the connection stays open"
NO_REPLY = "the reply does not arrive"
_SEEN = {END_OF_STREAM: SEES_END, RESET: SEES_RESET, STAYS_OPEN: STAYS}


def _ends_badly(handler: Handler) -> Handler:
    """Wrap a handler so that it raises at its end."""

    async def raising(runtime: Runtime, stream: ByteStream) -> None:
        await handler(runtime, stream)
        raise PlannedHandlerError

    return raising


async def reply(runtime: Runtime, stream: ByteStream) -> None:
    """Send the received bytes back, and leave the stream open."""
    del runtime
    await stream.send_all(await stream.receive_some(len(_MESSAGE)))


async def _see_end(runtime: Runtime, trial: Trial, handler: Handler) -> str:
    async with Stand(runtime, trial, handler) as stand:
        peer = await stand.dial()
        peer.send(_MESSAGE * (1 + trial.number % 2))  # the second one leaves bytes behind that nothing reads
        received = await peer.receive_to_end(runtime)
        trial.step("client", f"receives {received.count} bytes, then: {received.end}")
        if received.end != RESET and received.count != len(_MESSAGE):
            return NO_REPLY
        return _SEEN[received.end]


def _end_answers(how: str) -> dict[str, Graded]:
    return REACHABLE | {
        SEES_END: allowed(f"a connection whose handler {how} is closed", _SERVE_TCP),
        SEES_RESET: interesting(
            f"a connection whose handler {how} is closed with bytes that nothing has read: the system sends a reset",
            "https://www.rfc-editor.org/rfc/rfc2525#section-2.17",
        ),
        STAYS: interesting(
            f"nothing closes a connection whose handler {how}: the client waits for ever, the descriptor stays open",
            _START_SERVER,
        ),
        NO_REPLY: forbidden("all bytes that the handler has sent arrive"),
    }


async def _return_open(runtime: Runtime, trial: Trial) -> str:
    return await _see_end(runtime, trial, reply)


handler_returns = make_question(
    _return_open,
    name="server.handler-returns",
    question="A handler returns without closing its connection: what does the client see?",
    contract=("All bytes that the handler has sent arrive.",),
    ref=f"{_MODULE}:handler_returns",
    answers=_end_answers("returns"),
    repetitions=2,
    catches=("reply-of-handler-lost",),
    requires=NEEDS,
    seconds=30.0,
    screening=False,
)


async def _raise_open(runtime: Runtime, trial: Trial) -> str:
    return await _see_end(runtime, trial, _ends_badly(reply))


handler_raises = make_question(
    _raise_open,
    name="server.handler-raises",
    question="A handler raises: what does its client see?",
    contract=("All bytes that the handler has sent arrive.",),
    ref=f"{_MODULE}:handler_raises",
    answers=_end_answers("raises"),
    repetitions=2,
    catches=("reply-of-handler-lost",),
    screening=False,
    requires=NEEDS,
    seconds=30.0,
)

# --- effect on other clients ---

ALL_SERVED = "the other clients are served, and new ones are"
OTHERS_CUT = "the server ends, and the other clients are cut off"
NEW_REFUSED = "the other clients are served, and new ones are not"
SOME_CUT = "some of the other clients are cut off"


class _Crowd:
    """Clients of which one makes its handler fail while the others wait for their replies."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self._runtime = runtime
        self._trial = trial
        self._go = threading.Event()
        self._waiting: list[int] = []

    async def handle(self, runtime: Runtime, stream: ByteStream) -> None:
        """Fail for one client; let the others wait, and reply."""
        message = await stream.receive_some(len(_MESSAGE))
        if message == b"raise":
            raise PlannedHandlerError
        self._waiting.append(1)
        while not self._go.is_set():
            await runtime.sleep(0.002)
        await stream.send_all(message)
        await stream.aclose()

    async def show(self, position: int, *, by_reset: bool) -> str:
        """Let the client at a position close or reset, and return the effect on the others."""
        async with Stand(self._runtime, self._trial, self.handle, backlog=4 * _CROWD) as stand:
            peers: list[RawPeer] = []
            for number in range(_CROWD):
                peers.append(await stand.dial())
                if number != position:
                    peers[-1].send(_MESSAGE)
            await wait_until(self._runtime, lambda: len(self._waiting) >= _CROWD - 1, 2 * PATIENCE_SECONDS)
            culprit = peers.pop(position)
            culprit.reset() if by_reset else culprit.send(b"raise")
            await wait_until(self._runtime, lambda: stand.ended, PATIENCE_SECONDS / 2)
            self._go.set()
            return await self._count(stand, peers)

    async def _count(self, stand: Stand, peers: list[RawPeer]) -> str:
        served = 0
        for peer in peers:
            received = await peer.receive(self._runtime, len(_MESSAGE))
            served += received.head == _MESSAGE
        self._trial.observe("other clients served", served)
        reply = await stand.ask(_MESSAGE)
        if served < len(peers):
            return SOME_CUT if served else OTHERS_CUT
        return ALL_SERVED if reply.head == _MESSAGE else NEW_REFUSED


_POSITIONS = (0, _CROWD // 2, _CROWD - 1)
_OTHERS = REACHABLE | {
    ALL_SERVED: allowed("a connection is its handler's own affair", _SOCKETSERVER),
    OTHERS_CUT: interesting(
        "the error of a handler is the error of the nursery: it ends serve_tcp and every connection", _SERVE_TCP
    ),
    NEW_REFUSED: forbidden("a server that accepts no more has ended, and says so"),
    SOME_CUT: forbidden("a connection is cut off for an error of another one, or none is"),
}


async def _raise_in_a_crowd(runtime: Runtime, trial: Trial) -> str:
    return await _Crowd(runtime, trial).show(_POSITIONS[trial.number % 3], by_reset=False)


error_spares_others = make_question(
    _raise_in_a_crowd,
    name="server.error-spares-others",
    question="The handler of the first, the middle or the last of 20 clients raises: are the others served?",
    contract=("The error of one handler cuts off all other connections, or none.",),
    ref=f"{_MODULE}:error_spares_others",
    answers=_OTHERS,
    repetitions=3,
    judges={"other clients served": NOTED},
    catches=(
        "handler-error-cuts-one-other",
        "handler-error-stops-accepting",
        "handler-of-the-third-never-runs",
        "first-client-forgotten",
        "handlers-one-at-a-time",
    ),
    requires=NEEDS,
    seconds=30.0,
)


async def _reset_in_a_crowd(runtime: Runtime, trial: Trial) -> str:
    return await _Crowd(runtime, trial).show(_POSITIONS[trial.number % 3], by_reset=True)


reset_spares_others = make_question(
    _reset_in_a_crowd,
    name="server.reset-spares-others",
    question="One of 20 clients resets its connection, and its handler lets the error pass: are the others served?",
    contract=("The error of one handler cuts off all other connections, or none.",),
    ref=f"{_MODULE}:reset_spares_others",
    answers=_OTHERS,
    repetitions=3,
    judges={"other clients served": NOTED},
    catches=("handler-error-cuts-one-other", "handler-error-stops-accepting"),
    screening=False,
    requires=NEEDS,
    seconds=30.0,
)

# --- report of the error ---

REPORTED = "the error is reported"
LEAVES = "the error leaves serve_forever"
UNSEEN = "the error is seen by nothing"
_COLLECTIONS = 4


async def _raise_and_look(runtime: Runtime, trial: Trial) -> str:
    async with Stand(runtime, trial, _ends_badly(reply)) as stand:
        await stand.ask(_MESSAGE)
        for _ in range(_COLLECTIONS):
            gc.collect()  # some report an error when they forget the task
            if await wait_until(runtime, lambda: _is_over(stand), PATIENCE_SECONDS / _COLLECTIONS):
                break
        if stand.serving.startswith("raises"):
            return LEAVES
        return REPORTED if _is_reported(stand) else UNSEEN


def _is_over(stand: Stand) -> bool:
    return stand.ended or bool(stand.serving) or _is_reported(stand)


def _is_reported(stand: Stand) -> bool:
    return any(isinstance(exc, PlannedHandlerError) for exc, _ in stand.sandbox.reports)


error_is_reported = make_question(
    _raise_and_look,
    name="server.error-is-reported",
    question="A handler raises: is the error reported?",
    contract=("The error of a handler is not lost.",),
    ref=f"{_MODULE}:error_is_reported",
    answers=REACHABLE
    | {
        REPORTED: allowed("the server prints or logs it, and goes on", _SOCKETSERVER),
        LEAVES: interesting("the server ends with the error of a handler", _SERVE_TCP),
        UNSEEN: forbidden("an error that nothing has handled is reported"),
    },
    repetitions=2,
    catches=("handler-error-unseen",),
    requires=NEEDS,
    seconds=30.0,
)

# --- exit ---

ENDS_PROGRAM = "it leaves the scheduler"
GOES_ON = "the server goes on, and the exit is reported"
SWALLOWED = "the server goes on, and the exit is forgotten"
STANDS_STILL = "the server has not ended, and serves no more"


async def _exit(runtime: Runtime, stream: ByteStream) -> None:
    await reply(runtime, stream)
    sys.exit(3)


async def _exit_in_a_handler(runtime: Runtime, trial: Trial) -> str:
    async with Stand(runtime, trial, _exit) as stand:
        await stand.ask(_MESSAGE)
        if await _leaves(runtime, stand):
            return ENDS_PROGRAM
        is_reported = any(isinstance(exc, SystemExit) for exc, _ in stand.sandbox.reports)
        if (await stand.ask(_MESSAGE)).head != _MESSAGE:
            return ENDS_PROGRAM if await _leaves(runtime, stand) else STANDS_STILL
        return GOES_ON if is_reported else SWALLOWED


async def _leaves(runtime: Runtime, stand: Stand) -> bool:
    return await wait_until(runtime, lambda: stand.ended or bool(stand.serving), PATIENCE_SECONDS / 2)


handler_exits = make_question(
    _exit_in_a_handler,
    name="server.handler-exits",
    question="A handler calls `sys.exit`: does the program end?",
    contract=("The exit ends the program, or it is one more error of a handler.",),
    ref=f"{_MODULE}:handler_exits",
    answers=REACHABLE
    | {
        ENDS_PROGRAM: allowed("as anywhere in a program", _START_SERVER),
        GOES_ON: interesting("an exit ends a task like any error"),
        STANDS_STILL: forbidden("a program either ends or goes on"),
        SWALLOWED: interesting(
            "Python ends a thread that exits without a word",
            "https://docs.python.org/3/library/threading.html#threading.excepthook",
        ),
    },
    repetitions=2,
    catches=("exit-of-handler-stops-serving",),
    screening=False,
    requires=NEEDS,
    seconds=30.0,
)

# --- handlers that hang ---

SERVED = "other clients are served"
NOT_SERVED = "other clients are not served"


async def _serve_beside_hanging(runtime: Runtime, trial: Trial) -> str:
    count = (1, _CROWD)[trial.number % 2]
    over = threading.Event()

    async def handle(inner: Runtime, stream: ByteStream) -> None:
        message = await stream.receive_some(len(_MESSAGE))
        while message == b"hang!" and not over.is_set():
            await inner.sleep(0.01)
        await stream.send_all(message)
        await stream.aclose()

    async with Stand(runtime, trial, handle, backlog=4 * _CROWD) as stand:
        for _ in range(count):
            (await stand.dial()).send(b"hang!")
        reply = await stand.ask(_MESSAGE)
        over.set()
        trial.step("client", f"gets {reply.head!r} beside {count}")
        return SERVED if reply.head == _MESSAGE else NOT_SERVED


hanging_handlers = make_question(
    _serve_beside_hanging,
    name="server.hanging-handlers",
    question="1 or 20 handlers hang: is the next client served?",
    contract=("Handlers run concurrently.",),
    ref=f"{_MODULE}:hanging_handlers",
    answers=REACHABLE
    | {
        SERVED: allowed("a connection is its handler's own affair"),
        NOT_SERVED: forbidden("handlers run concurrently"),
    },
    repetitions=2,
    catches=("handlers-one-at-a-time",),
    screening=False,
    requires=NEEDS,
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (
    handler_returns,
    handler_raises,
    error_spares_others,
    reset_spares_others,
    error_is_reported,
    handler_exits,
    hanging_handlers,
)
