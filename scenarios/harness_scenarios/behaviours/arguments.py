"""Arguments of calls: each has its effect, whatever its value and however many there are."""

from __future__ import annotations

import select
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from harness.api import Capability, Harm, Runtime, Scenario, allowed, forbidden, servers_of

from ..parts.planted_names import has_addresses
from .question import NEVER_ENDS, NOTED, PrerequisiteError, Trial, make_question

_MODULE = "harness_scenarios.behaviours.arguments"
_FAR = 60.0
_MOST = 5

# --- arguments of functions ---

ARRIVE = "each argument arrives"
CHANGED = "an argument is lost or changed"


async def _return(*args: object) -> tuple[object, ...]:
    return args


def _return_now(*args: object) -> tuple[object, ...]:
    return args


class _Calls:
    """The calls that take a function and its arguments, each returning the arguments that arrived."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.by_name: dict[str, Callable[..., Awaitable[object]]] = {
            "spawn": self._spawn,
            "run_with_timeout": lambda *args: runtime.run_with_timeout(_FAR, _return, *args),
            "run_shielded": lambda *args: runtime.run_shielded(_return, *args),
            "run_in_thread": lambda *args: runtime.run_in_thread(_return_now, *args),
        }

    async def _spawn(self, *args: object) -> object:
        """Return the arguments of two tasks, which have different ones."""
        got: list[tuple[object, ...]] = []

        async def take(*args: object) -> None:
            got.append(args)

        async with self._runtime.open_task_group() as group:
            await group.spawn(take, *args)
            await group.spawn(take, *reversed(args))
        return args if sorted(got) == sorted([args, args[::-1]]) else got


async def _pass_arguments(runtime: Runtime, trial: Trial) -> str:
    calls = _Calls(runtime)
    for name, call in calls.by_name.items():
        for count in range(_MOST + 1):
            args = tuple(range(10, 10 + count))
            if await call(*args) != args:
                trial.observe("case", f"{name} with {count} arguments")
                return CHANGED
    return ARRIVE


of_functions = make_question(
    _pass_arguments,
    name="offload.each-argument-arrives",
    question="Functions are run with 0 to 5 arguments, by each call that takes them: does each argument arrive?",
    contract=("`fn(*args)` is called.",),
    ref=f"{_MODULE}:of_functions",
    answers={
        ARRIVE: allowed("`fn(*args)` is called"),
        CHANGED: forbidden("`fn(*args)` is called", harm=Harm.DATA),
        NEVER_ENDS: forbidden("`fn(*args)` is called"),
    },
    judges={"case": NOTED},
    repetitions=1,
    requires=(Capability.THREAD,),
    catches=(
        "third-argument-of-a-job-lost",
        "second-spawn-has-the-first-arguments",
    ),
)

# --- addresses and queues ---

IN_FORCE = "each has its effect"
WRONG_HOST = "it listens on another address"
WRONG_PORT = "it listens on another port"
WRONG_SOURCE = "it connects from another address"
NO_LIMIT = "more connections wait than the backlog allows"
_HOST, _SOURCE = "127.0.0.2", "127.0.0.3"
_BACKLOG, _CLIENTS = 1, 20
NO_ADDRESSES = "the system has one loopback address only"


def _find_free_port() -> int:
    if not has_addresses([_HOST, _SOURCE]):
        raise PrerequisiteError(NO_ADDRESSES)
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
        return port


def _count_connected(address: tuple[str, int]) -> int:
    """Connect without giving the scheduler a turn, and return how many connections the system has completed."""
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(_CLIENTS)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(address)
        return len(select.select([], clients, [], 0)[1])


def _judge_address(address: tuple[str, int], port: int) -> str:
    if address[0] != _HOST:
        return WRONG_HOST
    if address[1] != port:
        return WRONG_PORT
    return NO_LIMIT if _count_connected(address) == _CLIENTS else IN_FORCE


_ANSWERS = {
    IN_FORCE: allowed("an argument has its effect"),
    WRONG_HOST: forbidden("it listens on the address that was given"),
    WRONG_PORT: forbidden("it listens on the port that was given"),
    NO_ADDRESSES: allowed("127.0.0.2 and the following ones are Linux"),
    NO_LIMIT: forbidden("`backlog` limits the connections that wait to be accepted"),
}


async def _listen_and_connect(runtime: Runtime, trial: Trial) -> str:
    port = _find_free_port()
    listener = await runtime.listen(_HOST, port, backlog=_BACKLOG)
    answer = _judge_address(listener.address, port)
    await listener.aclose()
    trial.step("listener", answer)
    return answer if answer != IN_FORCE else await _connect_from(runtime)


async def _connect_from(runtime: Runtime) -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await runtime.connect(*server.getsockname(), source=_SOURCE)
        peer, address = server.accept()
        peer.close()
        await stream.aclose()
    return IN_FORCE if address[0] == _SOURCE else WRONG_SOURCE


of_listeners = make_question(
    _listen_and_connect,
    name="listener.arguments-are-kept",
    question="A listener has an address, a port and a backlog, a client its own address: does each have its effect?",
    contract=("A listener has the address, the port and the backlog that it was given.",),
    ref=f"{_MODULE}:of_listeners",
    answers=_ANSWERS | {WRONG_SOURCE: forbidden("it connects from the address that was given")},
    repetitions=3,
)


async def _start_server(runtime: Runtime, trial: Trial) -> str:
    async def handle(_stream: object) -> None:
        """Serve nothing."""

    port = _find_free_port()
    server = await servers_of(runtime).start_server(handle, _HOST, port, backlog=_BACKLOG)
    answer = _judge_address(server.address, port)
    await server.close()
    trial.step("server", answer)
    return answer


of_servers = make_question(
    _start_server,
    name="server.arguments-are-kept",
    question="A server is started with an address, a port and a backlog: does each have its effect?",
    contract=("A server has the address, the port and the backlog that it was given.",),
    ref=f"{_MODULE}:of_servers",
    answers=_ANSWERS,
    repetitions=3,
    requires=(Capability.SERVER,),
)

SCENARIOS: tuple[Scenario, ...] = (of_functions, of_listeners, of_servers)
